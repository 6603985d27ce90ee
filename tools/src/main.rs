//! The `wavern` command.

fn main() -> std::process::ExitCode {
    wavern_cli::run()
}
