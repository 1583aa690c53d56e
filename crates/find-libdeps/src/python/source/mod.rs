//! Python sources to the names of the libraries that they may load at run time, by `ctypes` or cffi.
//!
//! Takes the bytes of one source and returns its calls that load a library, each with the names that
//! it tries. A name counts by its place: an argument of a loader (`find_library("magic")`), an
//! argument of a function that is named like a loader (`load_library`, `get_dll`), the value of a
//! variable or loop that ends there, or, for a name like `lib*.so*`, any place in a source that uses a
//! loader. Comments and branches for other systems do not count.
//!
//! A heuristic: a name that is built at run time is not found, and optional libraries cannot be
//! distinguished from required ones. Nothing is executed, resolved or looked up here. The
//! passes over the tokens are linear and every table is capped, so time and memory grow with the size
//! of the source and no faster.

mod loaders;
mod names;
mod platform;
mod search;
mod sites;
mod tokens;
mod variables;

use crate::demand::LibraryName;
use crate::python::source::loaders::may_load;
use crate::python::source::tokens::{PythonTokens, TooManyTokens};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use thiserror::Error;

/// Larger sources are skipped. Sources that load libraries have up to 1 MB.
const MAX_SOURCE: usize = 8 << 20;

/// A call in a source that loads a library: one demand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The line of the source, from 1.
    pub line: u32,
    /// Alternatives, in the order in which the source tries them, each once.
    pub names: Vec<LibraryName>,
}

/// Why a source was skipped.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("not searched for library names: {0}")]
pub struct Unsearched(String);

/// The calls in the source `file` that load a library. Most sources have none, and are not kept as a
/// whole: they are read into `buffer`, a piece at a time.
pub fn calls_in(file: &File, buffer: &mut Vec<u8>) -> io::Result<Result<Vec<Call>, Unsearched>> {
    /// What may be the beginning of a loader's name at the end of a piece is searched again.
    const OVERLAP: usize = 64;
    const PIECE: usize = 64 << 10;
    buffer.resize(OVERLAP + PIECE, 0);
    let mut length = 0;
    let mut kept = 0;
    while length <= MAX_SOURCE {
        let read = match file.read_at(&mut buffer[kept..], length as u64) {
            Ok(0) => return Ok(Ok(Vec::new())),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        length += read;
        let end = kept + read;
        if may_load(&buffer[..end]) {
            let mut source = Vec::new();
            let mut whole = file.take(MAX_SOURCE as u64 + 1);
            whole.read_to_end(&mut source)?;
            return Ok(calls(&source));
        }
        kept = end.min(OVERLAP);
        buffer.copy_within(end - kept..end, 0);
    }
    Ok(Err(too_large()))
}

fn too_large() -> Unsearched {
    Unsearched(format!("it has more than {MAX_SOURCE} bytes"))
}

/// Whether a file of this name is a Python source.
pub fn is_python(name: &OsStr) -> bool {
    name.as_bytes().ends_with(b".py")
}

/// Whether the source at `path` can run in a Linux image: it does not belong to tests, examples,
/// documentation or another system. `path` is relative to the directory that is scanned, because the
/// directories above it say nothing about the source.
pub fn is_for_run_time(path: &Path) -> bool {
    const SKIPPED: [&[u8]; 12] = [
        b"test",
        b"tests",
        b"testing",
        b"conftest",
        b"example",
        b"examples",
        b"demo",
        b"demos",
        b"doc",
        b"docs",
        b"windows",
        b"win",
    ];
    const WORDS: [&[u8]; 9] = [
        b"win32", b"darwin", b"mac", b"macos", b"macosx", b"osx", b"cocoa", b"ios", b"android",
    ];
    let is =
        |names: &[&[u8]], name: &[u8]| names.iter().any(|other| name.eq_ignore_ascii_case(other));
    path.extension() == Some(OsStr::new("py"))
        && !path.iter().any(|part| {
            let part = Path::new(part).file_stem().unwrap_or_default().as_bytes();
            is(&SKIPPED, part)
                || part.starts_with(b"test_")
                || part
                    .split(|&byte| byte == b'_')
                    .any(|word| is(&WORDS, word))
        })
}

/// The calls in `source` that load a library, by line.
pub fn calls(source: &[u8]) -> Result<Vec<Call>, Unsearched> {
    if source.len() > MAX_SOURCE {
        return Err(too_large());
    }
    if !may_load(source) {
        return Ok(Vec::new());
    }
    let tokens =
        PythonTokens::new(source).map_err(|TooManyTokens| Unsearched(TooManyTokens.to_string()))?;
    Ok(search::calls(&tokens))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek as _, Write as _};

    /// Each call as its line and names, stems in angle brackets.
    fn found(source: impl AsRef<[u8]>) -> Vec<String> {
        let shown = |name: &LibraryName| match name {
            LibraryName::Soname(name) => name.to_string_lossy().into_owned(),
            LibraryName::Stem(stem) => format!("<{stem}>"),
        };
        let line = |call: &Call| {
            let names: Vec<String> = call.names.iter().map(shown).collect();
            format!("{}: {}", call.line, names.join(" "))
        };
        calls(source.as_ref()).unwrap().iter().map(line).collect()
    }

    #[test]
    fn a_loader_is_found_wherever_the_pieces_of_its_source_end() {
        let call = b"\nfind_library('magic')\n";
        let mut buffer = Vec::new();
        for border in [(64 << 10) + 64, (128 << 10) + 64] {
            for before in (0..=call.len()).step_by(4) {
                let mut source = b"import ctypes\n".to_vec();
                source.resize(border - before, b'#');
                source.extend_from_slice(call);
                let mut file = tempfile::tempfile().unwrap();
                file.write_all(&source).unwrap();
                file.rewind().unwrap();
                let read = calls_in(&file, &mut buffer).unwrap();
                assert_eq!(read.map(|calls| calls.len()), Ok(1), "{border} - {before}");
            }
        }
    }

    #[test]
    fn literals_in_calls_of_loaders() {
        let source = "\
import ctypes
find_library('magic')
ctypes.CDLL(ctypes.util.find_library(\"pq\") or 'libpq.so.5', mode='no')
ctypes.cdll['liba.so.1']
ffi.dlopen('/usr/lib/libb.so.2')
_dlopen(ffi, 'pango-1.0-0', 'libpango-1.0.so.0')
PyDLL(name='libc2.so')
CDLL(os.environ.get('NAME', 'libd.so.1'))
CDLL('not-a-file'), cdll.LoadLibrary(
    b'libe.so.3')
";
        let expected = [
            "2: <magic>",
            "3: <pq> libpq.so.5",
            "4: liba.so.1",
            "5: /usr/lib/libb.so.2",
            "6: <pango-1.0-0> libpango-1.0.so.0",
            "7: libc2.so",
            "8: libd.so.1",
            "9: libe.so.3",
        ];
        assert_eq!(found(source), expected);
    }

    #[test]
    fn functions_that_are_named_like_loaders() {
        let source = "\
import pyglet.lib
pyglet.lib.load_library('GL', win32='opengl32', framework='/System/GL.framework')
loadLibrary(ctypes.cdll, 'EGL', mode=x)
dll = DLL('SDL2', ['SDL2', 'SDL2-2.0'], getenv('PATH_TO_IT'))
";
        let expected = ["2: <GL>", "3: <EGL>", "4: <SDL2> <SDL2-2.0>"];
        assert_eq!(found(source), expected);
        // In a source that mentions no module for libraries, such a name means nothing.
        assert!(found("load_library('GL')\nfind_library('x1')").is_empty());
    }

    #[test]
    fn variables_and_loops_that_end_in_a_loader() {
        let source = "\
from ctypes.util import find_library as _find_library
NAMES = ('hid', 'hid-libusb')
class A:
    paths: list = ['liba.so.1', 'liba.so']
    def f(self):
        for path in self.paths:
            ctypes.CDLL(path)
for name in NAMES:
    lib = _find_library(name)
    CDLL(lib)
[CDLL(x) for x in ('libb.so.1', 'libb.so')]
for y in 'libd.so.1', 'libd.so':
    CDLL(y)
";
        let expected = [
            "7: liba.so.1 liba.so",
            "9: <hid> <hid-libusb>",
            "11: libb.so.1 libb.so",
            "13: libd.so.1 libd.so",
        ];
        assert_eq!(found(source), expected);
    }

    #[test]
    fn a_name_that_replaces_a_failed_search_is_an_alternative() {
        let source = "\
soname = ctypes.util.find_library('xcb')
if soname is None:
    soname = 'libxcb.so.1'
ffi.dlopen(soname)
";
        assert_eq!(found(source), ["1: <xcb> libxcb.so.1"]);
    }

    #[test]
    fn file_names_anywhere_in_a_source_that_uses_a_loader() {
        let source = "\
import ctypes
'''Opens libno.so'''
x = [\"liba.so.1\", 'liba.so'] # libno.so
y = {'linux': 'libb.so.1', 'more': 'libc2.so'}
z = os.path.join(here, 'libno.so')
raise OSError('libno.so is missing')
'libno.so' + suffix, here / 'libno.so', 'libno%s.so' % x, f'libno{x}.so', 'libno.so'.format()
";
        assert!(found(source).is_empty());
        let source = format!("{source}ctypes.CDLL(unknown)\n");
        let expected = ["3: liba.so.1 liba.so", "4: libb.so.1", "4: libc2.so"];
        assert_eq!(found(source), expected);
    }

    #[test]
    fn names_that_no_package_has_are_dropped() {
        for name in [
            "foo.dll",
            "libfoo.dylib",
            "libc.so.6",
            "libm.so.6",
            "libdl.so.2",
            "/opt/lib/libx.so",
            "/usr/lib/../libx.so",
            "./libx.so",
            "libx.sound",
            ".so",
            "lib.so",
            "c",
            "m",
            "pthread",
            "kernel32",
            "AudioToolbox",
            "objc",
            "cudadevrt",
            "lib%s.so",
            "{x}",
            "a b",
            "x/y",
            "libfoo",
            "data.json",
            "",
        ] {
            let source = format!("import ctypes\nCDLL('{name}')\nfind_library('{name}')");
            assert!(found(source).is_empty(), "{name}");
        }
    }

    #[test]
    fn branches_for_other_systems_are_dropped() {
        let source = "\
if sys.platform == 'win32':
    CDLL('liba.so')
else:
    CDLL('libb.so')
";
        assert_eq!(found(source), ["4: libb.so"]);
    }

    #[test]
    fn a_path_says_that_a_source_does_not_run_in_an_image() {
        for path in ["a/b.py", "magic/loader.py", "a/latest.py", "a/machine.py"] {
            assert!(is_for_run_time(Path::new(path)), "{path}");
        }
        for path in [
            "a/tests/b.py",
            "examples/b.py",
            "a/docs/b.py",
            "a/win32/b.py",
            "a/_darwin.py",
            "test_b.py",
            "a/loop_macos.py",
            "a/_mac_detect.py",
            "a/conftest.py",
            "a/b.pyc",
            "a/b",
        ] {
            assert!(!is_for_run_time(Path::new(path)), "{path}");
        }
    }

    /// Sources that exhaust a naive search, of about `size` bytes each.
    fn hostile(size: usize) -> Vec<Vec<u8>> {
        let pieces: [&[u8]; 24] = [
            b"(",
            b"CDLL(",
            b"find_library('",
            b"CDLL('''",
            b"CDLL(\"a\", ",
            b"\0\xff",
            b"a = a\nCDLL(a)\n",
            b"x",
            b"if x:\n ",
            b"else:\n",
            b"CDLL(x for x in x) ",
            b"def f(x): CDLL(x)\n",
            b"def f(x):\n return f(x) or CDLL(x, x, x, x, x)\n",
            b"a = b = c = d = e = f = 'x'\n",
            b"for x in x in (CDLL(x), ",
            b"'a' if os.name == 'nt' else ",
            b"\\\n",
            b"\\",
            b"# \n",
            b"class A:\n def __init__(self, x): CDLL(self.x)\n",
            b"or and not in == 'nt' ",
            b"CDLL(['liba.so', 'libb.so.1'])\n",
            b"a=b,c,d,e\nb=c=d=e=a,b,'x1','x2'\nc=d\nCDLL(a,b,c)\n",
            b"'''\\''''",
        ];
        let start = &b"import ctypes, CDLL\n"[..];
        pieces
            .iter()
            .map(|piece| [start, &piece.repeat(size / piece.len())[..]].concat())
            .collect()
    }

    #[test]
    fn hostile_sources_are_searched_in_bounded_time() {
        for source in hostile(1 << 16) {
            let _ = calls(&source);
            let _ = calls(&source[..source.len() - 1]);
        }
        for start in ["as CDLL", "= CDLL('liba.so')", ": CDLL", "in (CDLL"] {
            let _ = calls(start.as_bytes());
        }
        let many = "CDLL('liba.so') ; x".repeat(1 << 10);
        assert_eq!(found(many), ["1: liba.so"]);
    }

    #[test]
    fn a_source_that_is_too_large_is_skipped() {
        let source = vec![b'\n'; MAX_SOURCE + 1];
        assert!(calls(&source).is_err());
        assert_eq!(calls(&source[1..]), Ok(Vec::new()));
        let tokens = [&b"CDLL"[..], &b"(".repeat(MAX_SOURCE / 2)].concat();
        assert!(calls(&tokens).is_err());
    }

    #[test]
    fn a_file_is_read_to_its_end_or_to_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.py");
        let mut buffer = Vec::new();
        for size in [0, 3, 300_000, MAX_SOURCE, MAX_SOURCE + 1] {
            std::fs::write(&path, vec![b'x'; size]).unwrap();
            let read = calls_in(&File::open(&path).unwrap(), &mut buffer).unwrap();
            let expected = if size > MAX_SOURCE {
                Err(too_large())
            } else {
                Ok(Vec::new())
            };
            assert_eq!(read, expected, "{size}");
        }
    }
}
