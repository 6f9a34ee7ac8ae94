//! Writes the JSON schemas to `contracts/schemas`.

use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let contracts = spillway_contracts::schema::contracts();
    fs::remove_dir_all(&folder)?;
    fs::create_dir(&folder)?;
    for contract in &contracts {
        fs::write(folder.join(contract.file_name()), contract.text())?;
    }
    println!("wrote {} schemas to contracts/schemas", contracts.len());
    Ok(())
}
