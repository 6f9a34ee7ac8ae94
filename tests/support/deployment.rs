//! Other code for the functions of a live stack, and whether queues invoke them.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use aws_sdk_lambda::primitives::Blob;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::Stack;

impl Stack {
    /// Replaces the code of these functions by the files in their directories, each told by its binary's name.
    pub async fn deploy(&self, binaries: &[&str], directory: impl Fn(&str) -> PathBuf) {
        let functions = self.functions().await.into_iter();
        for (name, binary) in functions.filter(|(_, binary)| binaries.contains(&binary.as_str())) {
            self.replace(&name, files(&directory(&binary))).await;
        }
    }

    /// Replaces a function's code by `files`, given by their names.
    pub async fn replace(&self, function: &str, files: impl IntoIterator<Item = (String, Vec<u8>)>) {
        let request = self.lambda.update_function_code().function_name(function);
        request.zip_file(Blob::new(archive(files))).send().await.expect("a function can be replaced");
    }

    /// Has messages in queues invoke their functions, or stay where they are.
    pub async fn let_queues_invoke(&self, enabled: bool) {
        let mappings = self.lambda.list_event_source_mappings().send().await.expect("event source mappings");
        for mapping in mappings.event_source_mappings.unwrap_or_default() {
            let request = self.lambda.update_event_source_mapping().set_uuid(mapping.uuid);
            request.enabled(enabled).send().await.expect("a mapping can be changed");
        }
    }
}

fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(directory).expect("a directory can be read");
    let files = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    let file = |path: PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, fs::read(path).expect("a file can be read"))
    };
    files.map(file).collect()
}

/// Not compressed: it goes no further than to a process on this machine.
fn archive(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).unix_permissions(0o755);
    for (name, content) in files {
        zip.start_file(name, options).expect("a file can be zipped");
        zip.write_all(&content).expect("a file can be zipped");
    }
    zip.finish().expect("a file can be zipped").into_inner()
}
