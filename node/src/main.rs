//! The command line.

mod cli;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    match cli::run(arguments) {
        Ok(code) => code,
        Err(error) => {
            // One line, whatever the cause; the log has the rest.
            let line = format!("{error:#}");
            eprintln!("gearify: {}", line.replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}
