//! Python sources.

use super::{Format, texts};
use crate::demand::LibraryName;
use crate::python::source::calls;
use std::collections::HashSet;

pub const FORMAT: Format = Format {
    name: "python",
    check,
    seeds: || {
        texts(&[
            "import ctypes\nNAMES = ('hid', 'hid-libusb')\nfor name in NAMES:\n\
             \x20   lib = ctypes.util.find_library(name)\n    ctypes.CDLL(lib or 'libhid.so.0', mode=1)\n",
            "if sys.platform == 'win32':\n\tCDLL('a.dll')\nelse:\n\tlib = cdll['liba.so.1']\n\
             ffi.dlopen('''/usr/lib/libb.so.2''')\n",
            "class A:\n  x: list = [\"liba.so\", b'libb.so.1']\n  def f(self): return load_library(self.x)\n",
        ])
    },
    words: &[
        "import ctypes\n",
        "CDLL",
        "CDLL(",
        "find_library('",
        "dlopen(",
        "cdll",
        "load_library(",
        "for ",
        " in ",
        " = ",
        "+=",
        "or ",
        "not ",
        "if ",
        "elif ",
        "else:\n",
        "sys.platform == 'win32'",
        "as ",
        "self.",
        "'liba.so.1'",
        "\"\"\"",
        "'''",
        "'",
        "\"",
        "\\\n",
        "\\",
        "\n",
        "\n    ",
        "\t",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "#",
        "f'",
        "b'",
        "%s",
        "== ",
        "x",
        "a, b = ",
        "getenv(",
    ],
    is_binary: false,
};

fn check(bytes: &[u8]) {
    let Ok(calls) = calls(bytes) else {
        return;
    };
    let lines = bytes.split(|&byte| byte == b'\n').count();
    let mut total = 0;
    for call in &calls {
        assert!(call.line > 0 && call.line as usize <= lines);
        assert!(!call.names.is_empty());
        assert_eq!(
            call.names.iter().collect::<HashSet<_>>().len(),
            call.names.len()
        );
        for name in &call.names {
            let length = match name {
                LibraryName::Soname(name) => name.len(),
                LibraryName::Stem(stem) => stem.len(),
            };
            assert!(length > 0);
            total += length;
        }
    }
    assert!(total <= bytes.len());
    assert!(calls.is_sorted_by_key(|call| call.line));
}
