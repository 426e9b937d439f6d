"""B2 and B3 for Callboard: the Rust bench does the closed loop in its own process and prints the RESULT line itself."""
import os
import subprocess
import sys

root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.exit(subprocess.call(["cargo", "bench", "--quiet", "--bench", "agent", "--", *sys.argv[1:]], cwd=root))
