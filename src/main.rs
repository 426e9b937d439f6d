//! The `callboard` program: hands over to the command line, which says how the process ends.

fn main() -> std::process::ExitCode {
    callboard::cli::main()
}
