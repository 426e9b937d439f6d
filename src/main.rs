//! The `callboard` program: hands over to the command line, which says how the process ends.

/// A run makes many small values: this takes a good part less of the processor than the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    callboard::cli::main()
}
