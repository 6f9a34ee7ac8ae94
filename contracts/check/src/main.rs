//! The command `cargo contracts`.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use spillway_contracts_check::Contracts;
use spillway_contracts_check::arguments::{Arguments, Command};

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        None => generate().map_err(|error| format!("cannot write contracts/schemas: {error}")),
        Some(Command::Check { file, name }) => check(&file, &name),
    };
    match done {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}

fn generate() -> io::Result<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    let contracts = spillway_contracts::schema::contracts();
    fs::remove_dir_all(&folder)?;
    fs::create_dir(&folder)?;
    for contract in &contracts {
        fs::write(folder.join(contract.file_name()), contract.text())?;
    }
    Ok(format!("wrote {} schemas to contracts/schemas", contracts.len()))
}

fn check(file: &Path, name: &str) -> Result<String, String> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    let text = text.map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    match Contracts::new().check(name, &text) {
        Ok(()) => Ok(format!("{} keeps the contract {name}", file.display())),
        Err(breach) => Err(format!("{} breaks the contract {name}\n{breach}", file.display())),
    }
}
