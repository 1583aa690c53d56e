//! Files that are not opened, by their names.

use std::ffi::OsStr;
use std::path::Path;

/// Extensions of other formats, sorted: Python's files, sources and headers, text, pages, pictures,
/// fonts and translations. In a virtualenv most files are named so, and opening and closing a file
/// costs more than all else. `benches/never-elf.sh` searches for ELF files with such names.
const NEVER_ELF: [&str; 62] = [
    "c", "cc", "cfg", "cmake", "cpp", "css", "csv", "cu", "cuh", "cxx", "f", "f90", "gif", "h",
    "hh", "hpp", "htm", "html", "hxx", "ico", "ini", "ipynb", "j2", "jpg", "js", "json", "jsonl",
    "map", "md", "mjs", "mo", "png", "po", "pxd", "pxi", "py", "pyc", "pyf", "pyi", "pyo", "pyx",
    "qm", "qml", "qmltypes", "rst", "scss", "sip", "svg", "tex", "toml", "ts", "tsv", "tsx", "ttf",
    "txt", "typed", "woff", "woff2", "xml", "xsd", "yaml", "yml",
];

/// Whether a file of this name is opened to see whether it is an ELF file.
pub fn may_be_elf(name: &OsStr) -> bool {
    // A dot at the beginning begins no extension.
    let extension = Path::new(name).extension().and_then(OsStr::to_str);
    extension.is_none_or(|extension| NEVER_ELF.binary_search(&extension).is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_not_opened_if_its_extension_is_that_of_another_format() {
        assert!(NEVER_ELF.is_sorted());
        for name in [
            "a.so",
            "a.so.1",
            "a.abi3.so",
            "a",
            ".py",
            "a.pyd",
            "py",
            "a.py.so",
            "a.dat",
        ] {
            assert!(may_be_elf(OsStr::new(name)), "{name}");
        }
        for name in ["a.py", "a.cpython-311.pyc", "a.so.txt", "a.woff2"] {
            assert!(!may_be_elf(OsStr::new(name)), "{name}");
        }
    }
}
