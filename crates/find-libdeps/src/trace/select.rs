//! Which of the objects that a traced command loaded an image must have.
//!
//! Listed is what a process loaded from outside the given paths because code asked for it
//! (`dlopen`), or because an object of the given paths, or a library that no package owns, needs
//! it. Not listed:
//!
//! - what a packaged library needs in its turn, which apt installs with it;
//! - what whoever has the interpreter has: its own modules (`lib-dynload`), its `libpython`, and
//!   what they or the interpreter need. An extension module of Debian's (`dist-packages`) is none
//!   of that: a package of its own ships it;
//! - what the C library itself loads by name: NSS and gconv modules, which the machine's
//!   configuration names (nsswitch.conf(5), iconv(1)), and `libgcc_s`, which comes with it;
//! - what a program from outside the given paths loads (`git`): its package sees to that. Such
//!   programs are named instead. Python interpreters are none of them, wherever they lie, as the
//!   modules that they import cannot be told from those of the given paths; and where a program
//!   loads an object of the given paths, what it loads by name is listed too.
//!
//! An object that is loaded already when something else asks for it counts for who asked first.
//! Nothing is run or read here; whose a file is, is for the caller to say.

use crate::loader::never_packaged;
use crate::trace::command::{Process, Trace};
use crate::trace::ld_debug::{Object, Requester};
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// What a traced command needs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Selection<'a> {
    /// Libraries and modules; one may be there several times, for who asks.
    pub libraries: Vec<&'a Object>,
    /// Programs from outside the given paths that were started as well: their path, or their name
    /// where it is not known.
    pub programs: BTreeSet<PathBuf>,
}

/// Whose an object is, and why it was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It lies below the given paths.
    Inside,
    /// The interpreter, or its own.
    Interpreter,
    /// The C library loads it by name.
    Configured,
    /// A package has it, or it is a program of the system.
    Packaged,
    /// Nobody has it.
    Unowned,
}

/// Selects from `trace`. Paths are as the loader opened them: `is_inside` says whether the real
/// file lies below the given paths, `is_owned` whether a package has it.
#[must_use]
pub fn select<'a>(
    trace: &'a Trace,
    is_inside: &dyn Fn(&Path) -> bool,
    is_owned: &dyn Fn(&Path) -> bool,
) -> Selection<'a> {
    let mut selection = Selection::default();
    for process in &trace.processes {
        let program = process.program.as_deref().unwrap_or(Path::new(""));
        let is_own = process.program.is_some() && is_inside(program);
        let is_python = is_python(process);
        if !is_own && !is_python {
            let path = process.program.clone();
            let path = path.unwrap_or_else(|| PathBuf::from(&process.name));
            selection.programs.insert(path);
            if !process.loaded.iter().any(|object| is_inside(&object.path)) {
                continue;
            }
        }
        let mut first = HashMap::new();
        for object in &process.loaded {
            first.entry(object.path.as_path()).or_insert(object);
        }
        let kinds = Kinds {
            first,
            main: match (is_own, is_python) {
                (true, _) => Kind::Inside,
                (_, true) => Kind::Interpreter,
                _ => Kind::Packaged,
            },
            is_inside,
            is_owned,
        };
        let listed = process
            .loaded
            .iter()
            .filter(|object| kinds.is_listed(object));
        for object in listed {
            if !selection.libraries.contains(&object) {
                selection.libraries.push(object);
            }
        }
    }
    selection
        .libraries
        .sort_by(|a, b| (&a.path, &a.requested).cmp(&(&b.path, &b.requested)));
    selection
}

/// The kinds of one process's objects.
struct Kinds<'a> {
    /// Each object as it was first asked for.
    first: HashMap<&'a Path, &'a Object>,
    main: Kind,
    is_inside: &'a dyn Fn(&Path) -> bool,
    is_owned: &'a dyn Fn(&Path) -> bool,
}

impl Kinds<'_> {
    fn is_listed(&self, object: &Object) -> bool {
        let is_asked_for =
            object.is_dlopen || matches!(self.of_requester(object), Kind::Inside | Kind::Unowned);
        match self.of(object) {
            Kind::Packaged | Kind::Unowned => is_asked_for,
            // Code has asked for it once more.
            Kind::Configured => object.by == Requester::Unknown,
            Kind::Inside | Kind::Interpreter => false,
        }
    }

    fn of_requester(&self, object: &Object) -> Kind {
        match &object.by {
            Requester::Program => self.main,
            Requester::Object(path) => match self.first.get(path.as_path()) {
                Some(object) => self.of(object),
                None => Kind::Packaged,
            },
            Requester::Unknown => Kind::Packaged,
        }
    }

    /// The kind of what lies at the path of `object`.
    fn of(&self, object: &Object) -> Kind {
        // Up to what is known by its place, and down again.
        let mut chain: Vec<&Object> = Vec::new();
        let mut next = self.first.get(object.path.as_path()).copied();
        let mut kind = self.main;
        while let Some(object) = next {
            if let Some(known) = self.by_place(object) {
                kind = known;
                break;
            }
            // Each was asked for by one that was there before; a circle would be no loader's.
            if chain.len() > self.first.len() {
                break;
            }
            chain.push(object);
            next = match &object.by {
                Requester::Object(path) => self.first.get(path.as_path()).copied(),
                Requester::Program | Requester::Unknown => None,
            };
        }
        for object in chain.into_iter().rev() {
            kind = if kind == Kind::Configured || object.is_dlopen && is_by_libc(object) {
                Kind::Configured
            } else if kind == Kind::Interpreter && !object.is_dlopen {
                Kind::Interpreter
            } else if (self.is_owned)(&object.path) {
                Kind::Packaged
            } else {
                Kind::Unowned
            };
        }
        kind
    }

    fn by_place(&self, object: &Object) -> Option<Kind> {
        let path = object.path.as_path();
        let name = path.file_name().unwrap_or_default();
        if (self.is_inside)(path) {
            Some(Kind::Inside)
        } else if is_stdlib(path) || never_packaged::by_interpreter(name) && !(self.is_owned)(path)
        {
            Some(Kind::Interpreter)
        } else {
            None
        }
    }
}

/// Whether the interpreter's own modules lie where `path` does (`DESTSHARED` in Python's
/// `Makefile.pre.in`).
fn is_stdlib(path: &Path) -> bool {
    let dir = path.parent().and_then(Path::file_name);
    dir.is_some_and(|dir| dir == "lib-dynload")
}

fn is_by_libc(object: &Object) -> bool {
    matches!(&object.by, Requester::Object(path) if path.ends_with("libc.so.6"))
}

/// Whether a Python interpreter runs, told by its name or by what it loads.
fn is_python(process: &Process) -> bool {
    let name = Path::new(&process.name).file_name().map(OsStr::as_bytes);
    let is_called =
        name.is_some_and(|name| name.starts_with(b"python") || name.starts_with(b"pypy"));
    is_called || process.loaded.iter().any(|object| is_stdlib(&object.path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::ExitStatus;

    const CTYPES: &str = "/usr/lib/python3.11/lib-dynload/_ctypes.cpython-311-x86_64-linux-gnu.so";
    const LIBC: &str = "/lib/libc.so.6";

    /// `path` is needed by `by`, or loaded by it where that begins with `dlopen `; `-` is the
    /// program, `?` unknown.
    fn object(path: &str, by: &str) -> Object {
        let by_dlopen = by.strip_prefix("dlopen ");
        Object {
            path: path.into(),
            requested: path.into(),
            by: match by_dlopen.unwrap_or(by) {
                "-" => Requester::Program,
                "?" => Requester::Unknown,
                path => Requester::Object(path.into()),
            },
            is_dlopen: by_dlopen.is_some(),
        }
    }

    /// What is selected of a program that loads `objects`, in this order, with `/venv` for the
    /// given path and packages for all that lies in `/lib` and `/usr`.
    fn selected(program: &str, objects: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let process = Process {
            name: program.into(),
            program: Some(program.into()),
            loaded: objects.iter().map(|(path, by)| object(path, by)).collect(),
        };
        let trace = Trace {
            status: ExitStatus::default(),
            processes: vec![process.clone(), process],
            warnings: BTreeSet::new(),
        };
        let is_owned = |path: &Path| path.starts_with("/lib") || path.starts_with("/usr/lib");
        let selection = select(&trace, &|path| path.starts_with("/venv"), &is_owned);
        let text = |path: &Path| path.display().to_string();
        (
            selection
                .libraries
                .iter()
                .map(|object| text(&object.path))
                .collect(),
            selection.programs.iter().map(|path| text(path)).collect(),
        )
    }

    fn libraries(program: &str, objects: &[(&str, &str)]) -> Vec<String> {
        selected(program, objects).0
    }

    #[test]
    fn what_code_asks_for_is_listed_and_what_that_needs_is_not() {
        // Dependencies are initialised first.
        let objects = [
            ("/lib/libffi.so.8", CTYPES),
            (CTYPES, "dlopen -"),
            ("/lib/libbz2.so.1.0", "/lib/libmagic.so.1"),
            ("/lib/libmagic.so.1", &format!("dlopen {CTYPES}")),
        ];
        assert_eq!(
            libraries("/usr/bin/python3", &objects),
            ["/lib/libmagic.so.1"]
        );
    }

    #[test]
    fn what_an_object_inside_or_in_no_package_needs_is_listed() {
        let objects = [
            ("/lib/liba.so", "/venv/x.so"),
            ("/lib/libb.so", "/opt/libo.so"),
            ("/opt/libo.so", "/venv/x.so"),
            ("/venv/x.so", "dlopen -"),
        ];
        let wanted = ["/lib/liba.so", "/lib/libb.so", "/opt/libo.so"];
        assert_eq!(libraries("/usr/bin/python3", &objects), wanted);
    }

    #[test]
    fn the_interpreters_own_is_not_listed_wherever_it_lies() {
        let objects = [
            ("/opt/lib/libpython3.12.so.1.0", "-"),
            ("/lib/libm.so.6", "/opt/lib/libpython3.12.so.1.0"),
            ("/lib/libcrypto.so.3", "/lib/libssl.so.3"),
            (
                "/lib/libssl.so.3",
                "/opt/lib/python3.12/lib-dynload/_ssl.so",
            ),
            ("/opt/lib/python3.12/lib-dynload/_ssl.so", "dlopen -"),
            ("/lib/libssl.so.3", "dlopen ?"),
        ];
        assert!(libraries("/opt/bin/python3.12", &objects).is_empty());
    }

    #[test]
    fn a_module_of_another_package_is_listed() {
        let module = "/usr/lib/python3/dist-packages/lxml/etree.cpython-311-x86_64-linux-gnu.so";
        let objects = [("/lib/libxml2.so.2", module), (module, "dlopen -")];
        assert_eq!(libraries("/usr/bin/python3", &objects), [module]);
    }

    #[test]
    fn what_the_c_library_loads_by_name_is_not_listed_unless_others_ask() {
        let nss = [
            ("/lib/libcap.so.2", "/lib/libnss_systemd.so.2"),
            ("/lib/libnss_systemd.so.2", &format!("dlopen {LIBC}")[..]),
        ];
        assert!(libraries("/usr/bin/python3", &nss).is_empty());
        let asked = [&nss[..], &[("/lib/libcap.so.2", "dlopen ?")]].concat();
        assert_eq!(libraries("/usr/bin/python3", &asked), ["/lib/libcap.so.2"]);
    }

    #[test]
    fn another_program_is_named_and_what_it_loads_is_not_listed() {
        let git = [
            ("/lib/libpcre2-8.so.0", "-"),
            ("/lib/libz.so.1", "dlopen -"),
        ];
        assert_eq!(
            selected("/usr/bin/git", &git),
            (vec![], vec!["/usr/bin/git".to_owned()])
        );
        let server = [&git[..], &[("/venv/x.so", "dlopen -")]].concat();
        let (libraries, programs) = selected("/usr/bin/server", &server);
        assert_eq!(libraries, ["/lib/libz.so.1"]);
        assert_eq!(programs, ["/usr/bin/server"]);
    }

    #[test]
    fn a_program_inside_has_needs() {
        let objects = [("/lib/libpq.so.5", "-")];
        let wanted = (vec!["/lib/libpq.so.5".to_owned()], vec![]);
        assert_eq!(selected("/venv/bin/tool", &objects), wanted);
    }
}
