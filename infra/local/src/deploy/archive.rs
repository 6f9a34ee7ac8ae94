//! Zips a binary the way Lambda wants it: as `bootstrap`, and executable.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use spillway_stack::FileError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Zips `binary` into `directory`, unless an earlier zip of the very same binary is there, and says where it is.
pub fn zip(binary: &Path, directory: &Path) -> Result<PathBuf, FileError> {
    let archive = directory.join(format!("{}.zip", stamp(binary)?));
    if archive.exists() {
        return Ok(archive);
    }
    fs::create_dir_all(directory).map_err(FileError::to("create", directory))?;
    // Renamed when complete, so that nobody ever finds half a zip under the final name.
    let unfinished = tempfile::NamedTempFile::new_in(directory).map_err(FileError::to("write into", directory))?;
    write(binary, unfinished.as_file()).map_err(FileError::to("zip", binary))?;
    unfinished.persist(&archive).map_err(|error| FileError::to("write", &archive)(error.error))?;
    remove_others(&archive, directory);
    Ok(archive)
}

/// Nobody needs the zips of earlier builds. Another process may be removing the same ones.
fn remove_others(archive: &Path, directory: &Path) {
    let files = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    for zip in files.filter(|path| path != archive && path.extension().is_some_and(|extension| extension == "zip")) {
        let _ = fs::remove_file(zip);
    }
}

/// Changes whenever `file` is written anew.
pub(crate) fn stamp(file: &Path) -> Result<String, FileError> {
    let written = || {
        let metadata = fs::metadata(file)?;
        let modified = metadata.modified()?.duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
        Ok(format!("{}-{}", modified.as_nanos(), metadata.len()))
    };
    written().map_err(FileError::to("read", file))
}

fn write(binary: &Path, archive: &File) -> io::Result<()> {
    // The lightest compression: the zip goes no further than to a process on this machine.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(1))
        .unix_permissions(0o755);
    let mut zip = ZipWriter::new(BufWriter::new(archive));
    zip.start_file("bootstrap", options)?;
    io::copy(&mut File::open(binary)?, &mut zip)?;
    zip.finish()?.into_inner()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_zip_holds_an_executable_bootstrap() {
        let directory = tempfile::tempdir().unwrap();
        let binary = directory.path().join("cleaner");
        fs::write(&binary, "an ELF file").unwrap();
        let archive = zip(&binary, &directory.path().join("zips")).unwrap();
        let mut archive = zip::ZipArchive::new(File::open(archive).unwrap()).unwrap();
        let mut bootstrap = archive.by_name("bootstrap").unwrap();
        let mut content = String::new();
        bootstrap.read_to_string(&mut content).unwrap();
        assert_eq!((content.as_str(), bootstrap.unix_mode().unwrap() & 0o777), ("an ELF file", 0o755));
    }

    #[test]
    fn an_unchanged_binary_is_not_zipped_again_and_a_changed_one_replaces_the_zip() {
        let directory = tempfile::tempdir().unwrap();
        let (binary, zips) = (directory.path().join("cleaner"), directory.path().join("zips"));
        fs::write(&binary, "first").unwrap();
        let first = zip(&binary, &zips).unwrap();
        let written = fs::metadata(&first).unwrap().modified().unwrap();
        assert_eq!(zip(&binary, &zips).unwrap(), first);
        assert_eq!(fs::metadata(&first).unwrap().modified().unwrap(), written);
        fs::write(&binary, "another").unwrap();
        let second = zip(&binary, &zips).unwrap();
        assert_ne!(second, first);
        assert!(!first.exists());
    }
}
