//! What a function that loads a library looks like by its name, and what it takes.

use regex::bytes::Regex;
use std::sync::LazyLock;

/// What a loader takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Stems: `find_library`.
    Stems,
    /// File names: `CDLL`.
    Files,
    /// Both: cffi's `dlopen`, and functions that are named like loaders.
    Both,
}

impl Takes {
    /// Whether the loader takes a name as argument `index`, from 0. Wrappers of `dlopen` take cffi's
    /// object first, and functions that are named like loaders differ.
    pub(super) fn at(self, index: u32) -> bool {
        self == Self::Both || index == 0
    }
}

/// Whether `source` contains the name of a loader, or one like it, of at most 27 bytes. Most sources
/// do not, and are not split into tokens.
pub(super) fn may_load(source: &[u8]) -> bool {
    static MAY_LOAD: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            "(?-u)find_?[Ll]ib|find_dll|CDLL|PyDLL|LoadLibrary|dlopen|cdll|DLL\\(|get_?[Ll]ib|get_dll|\
              open_?[Ll]ib|load_?[A-Za-z_]{0,16}(?:[Ll]ib|dll|DLL|shared)",
        )
        .ok()
    });
    MAY_LOAD.as_ref().is_none_or(|regex| regex.is_match(source))
}

/// The loaders of ctypes and cffi, also under a private alias with leading underscores.
pub(super) fn exact(name: &[u8]) -> Option<Takes> {
    let start = name.iter().position(|&byte| byte != b'_')?;
    match &name[start..] {
        b"find_library" => Some(Takes::Stems),
        b"CDLL" | b"PyDLL" | b"LoadLibrary" => Some(Takes::Files),
        b"dlopen" => Some(Takes::Both),
        _ => None,
    }
}

/// `name` as a loader: one of ctypes or cffi, or a function that is named like one.
pub(super) fn loader(name: &[u8]) -> Option<Takes> {
    exact(name).or_else(|| is_like_loader(name).then_some(Takes::Both))
}

/// `load_library`, `loadLibrary`, `get_dll`, `load_ctypes_library`, `DLL`.
fn is_like_loader(name: &[u8]) -> bool {
    static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            "^_*(?:try_?)?(?i:load(?:|.*_|shared|c)(?:libs?|library|libraries|dlls?|shared_object)|\
             (?:find|open|get|import|locate)_?(?:|c_?|shared_?)(?:lib|library|dll)|dll)$",
        )
        .ok()
    });
    name.len() <= 64 && NAME.as_ref().is_some_and(|regex| regex.is_match(name))
}

/// `cdll`, whose attributes and items are libraries.
pub(super) fn is_library_loader(name: &[u8]) -> bool {
    [&b"cdll"[..], b"pydll"].contains(&name)
}

/// Whether a word of an import names a module that loads libraries for others.
pub(super) fn is_module_for_libraries(word: &[u8]) -> bool {
    [&b"ctypes"[..], b"ffi", b"dll"]
        .iter()
        .any(|part| contains(word, part))
        || word == b"lib"
}

/// Calls that return their argument `index` in another form.
pub(super) fn is_transparent(callee: &[u8], index: u32) -> bool {
    match callee {
        b"tuple" | b"list" | b"iter" | b"set" | b"sorted" | b"reversed" | b"chain" | b"filter"
        | b"map" | b"enumerate" | b"str" | b"fsencode" => true,
        // The first argument is an environment variable.
        b"get" | b"getenv" => index > 0,
        _ => callee.len() <= 64 && contains(callee, b"lib") && contains(callee, b"name"),
    }
}

/// Keyword arguments of loaders that are names of libraries for Linux.
pub(super) fn is_keyword_for_names(keyword: &[u8]) -> bool {
    let names: [&[u8]; 14] = [
        b"name",
        b"names",
        b"lib",
        b"libs",
        b"library",
        b"libname",
        b"libnames",
        b"lib_name",
        b"library_name",
        b"library_names",
        b"linux",
        b"unix",
        b"path",
        b"filename",
    ];
    names.contains(&keyword)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
