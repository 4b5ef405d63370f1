//! Files of a test: copied, listed, and looked through for texts, whatever wrote them.

use std::path::{Path, PathBuf};

/// Files below a directory, or the file itself, that hold one of the texts; upper and lower case are
/// the same. Answers each file with the text it holds.
pub fn holding(place: &Path, texts: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for file in all(place) {
        let bytes = std::fs::read(&file).expect("a file of the test can be read").to_ascii_lowercase();
        for text in texts {
            let wanted = text.to_ascii_lowercase();
            if bytes.windows(wanted.len()).any(|window| window == wanted.as_bytes()) {
                found.push((file.clone(), (*text).to_owned()));
            }
        }
    }
    found
}

/// Every file below a directory; what is no file, as a socket, holds nothing.
pub fn all(place: &Path) -> Vec<PathBuf> {
    if !place.is_dir() {
        return if place.is_file() { vec![place.to_owned()] } else { Vec::new() };
    }
    let entries = std::fs::read_dir(place).expect("a directory of the test can be read");
    entries.flat_map(|entry| all(&entry.expect("a directory of the test can be read").path())).collect()
}

/// A directory with everything in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the test's directory takes a directory");
    for entry in std::fs::read_dir(from).expect("a directory of the test can be read") {
        let path = entry.expect("a directory of the test can be read").path();
        let place = to.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            copy(&path, &place);
        } else if path.is_file() {
            std::fs::copy(&path, &place).expect("a file of the test can be copied");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_wherever_it_lies_and_however_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("deep")).unwrap();
        std::fs::write(dir.path().join("deep/binary"), b"\0\x01QUILLfeather\xff").unwrap();
        std::fs::write(dir.path().join("other"), b"nothing").unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
        let found = holding(dir.path(), &["Quillfeather", "Vellichor"]);
        assert_eq!(found, [(dir.path().join("deep/binary"), "Quillfeather".to_owned())]);
    }
}
