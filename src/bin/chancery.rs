//! Officer, operator, auditor: the command line. All it does is in the library, `chancery::cli`.

use std::process::ExitCode;

use chancery::cli::environment::Environment;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            chancery::cli::no_runtime(&error);
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(chancery::cli::main_with(std::env::args_os(), Environment::of_process()));
    // Work that is still blocked, such as a read from the terminal, does not hold the process back.
    runtime.shutdown_background();
    code
}
