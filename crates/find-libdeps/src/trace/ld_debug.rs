//! The output of glibc's loader under `LD_DEBUG=files,libs`: the objects that each program loaded,
//! their paths, and what asked for them.
//!
//! The format is known only here. It is undocumented; it was read from glibc's `elf/dl-load.c`,
//! `elf/dl-object.c`, `elf/dl-init.c` and `elf/dl-open.c`, and is the same in 2.36 and 2.41. For
//! each object:
//!
//! ```text
//!      4711:  file=libz.so.1 [0];  dynamically loaded by ./program [0]     (or: needed by)
//!      4711:    trying file=/lib/x86_64-linux-gnu/libz.so.1                (none for a path)
//!      4711:  file=libz.so.1 [0];  generating link map
//!      4711:  calling init: /lib/x86_64-linux-gnu/libz.so.1
//! ```
//!
//! Only the last line proves that the object was loaded: one that lacks a library or a symbol is
//! mapped and unmapped again, and `ldd` maps without loading. If code asks for an object that is
//! already loaded, the loader writes only `opening file=/lib/…/libz.so.1 [0]; direct_opencount=1`,
//! which does not name the requester.
//!
//! A search that finds nothing ends without a word. After `dlopen`, whatever follows except
//! `generating link map` and `opening file=` shows that it failed; after `needed by`, the unmapping of
//! the object, or the end of the process. (An object that is loaded by another path needs no new
//! link map.)
//!
//! The main program appears under its `argv[0]`, not under its path. A child process that does not
//! execute a program writes to its parent's file, with its own process ID; a program that replaces
//! another (execve(2)) continues the same file.
//!
//! Nothing is opened here.

use crate::system::ordered::Ordered as _;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// The value of `LD_DEBUG` that produces this output.
pub const LD_DEBUG: &str = "files,libs";

/// Longer lines, which can only be lists of directories, are cut off here.
const MAX_LINE: u64 = 64 << 10;
/// How much of a line is kept for a message, in bytes.
const MAX_SHOWN: usize = 200;
/// How many objects one process may have mapped and not initialised. Large programs load some hundred
/// at once.
const MAX_MAPPED: usize = 4096;
/// How many bytes of names the child processes inherit together.
const MAX_INHERITED: usize = 1 << 20;

/// The output in one file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DebugOutput {
    /// The programs that ran in the process, in order.
    pub programs: Vec<Program>,
    /// Whether it ends within a line.
    pub is_cut_off: bool,
    /// The beginning of the first line that the loader did not write, if there is one.
    pub not_understood: Option<OsString>,
}

/// One program, including its child processes that did not execute another program.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// Its `argv[0]`.
    pub name: OsString,
    /// Each object once, in the order of loading.
    pub loaded: Vec<LoadedObject>,
    /// What it asked for, once each, and never loaded, in the order of the requests.
    pub failed: Vec<FailedLoad>,
}

/// A request for an object that the loader did not find.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FailedLoad {
    /// The name that was asked for.
    pub requested: OsString,
    /// What asked for it.
    pub by: Requester,
    /// Whether code asked (`dlopen`), not an ELF header.
    pub is_dlopen: bool,
    /// The last file that the loader tried, unless the name is a path. If code asks with
    /// `RTLD_NOLOAD`, it is the one that exists.
    pub tried: Option<PathBuf>,
}

/// An object that a program loaded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LoadedObject {
    /// The path by which the loader opened it.
    pub path: PathBuf,
    /// The name that was asked for.
    pub requested: OsString,
    /// What asked for it.
    pub by: Requester,
    /// Whether code asked (`dlopen`), not an ELF header.
    pub is_dlopen: bool,
}

/// What asked for an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Requester {
    /// The program itself.
    Program,
    /// The object that was loaded from this path.
    Object(PathBuf),
    /// Code, when the object was already loaded: the loader does not name it then.
    Unknown,
}

impl Requester {
    /// Whether it is the C library, which loads NSS and gconv modules by name.
    pub fn is_libc(&self) -> bool {
        matches!(self, Self::Object(path) if path.ends_with("libc.so.6"))
    }
}

/// Parses `input`, the file that process `pid` began.
///
/// # Errors
/// If `input` cannot be read.
pub fn read(pid: u32, mut input: impl BufRead) -> io::Result<DebugOutput> {
    let mut parser = OutputParser::new(pid);
    let mut line = Vec::new();
    loop {
        line.clear();
        input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.is_empty() {
            break;
        } else if (line.len() as u64) < MAX_LINE || !skip_line(&mut input)? {
            parser.output.is_cut_off = true;
            break;
        }
        parser.line(&line);
    }
    Ok(parser.finish())
}

/// Skips the rest of the line; returns whether the line had an end.
fn skip_line(input: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(false);
        }
        let end = buffer.iter().position(|&byte| byte == b'\n');
        let used = end.map_or(buffer.len(), |at| at + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

struct OutputParser {
    /// The process that began the file, the parent of all others in it.
    owner: u32,
    states: HashMap<u32, ProcessState>,
    /// Every path of an object, to distinguish objects from main programs.
    known: HashSet<PathBuf>,
    /// The elements of [`Program::loaded`], by index of the program.
    seen: HashSet<(usize, LoadedObject)>,
    /// How many bytes of names child processes may still inherit.
    inheritable: usize,
    output: DebugOutput,
}

/// The state of one process.
#[derive(Clone, Default)]
struct ProcessState {
    /// The index of its program.
    program: Option<usize>,
    /// Whether the loader has started the program.
    is_running: bool,
    request: Option<OpenRequest>,
    /// Objects that are mapped and not yet initialised.
    mapped: Vec<LoadedObject>,
}

impl ProcessState {
    /// The length of its names.
    fn length(&self) -> usize {
        let request = self.request.as_ref();
        let tried = request.and_then(|request| request.tried.as_ref());
        let mapped = self.mapped.iter();
        let mapped = mapped.map(|object| object.length() + size_of::<LoadedObject>());
        request.map_or(0, |request| request.name.len() + request.by.length())
            + tried.map_or(0, |path| path.as_os_str().len())
            + mapped.sum::<usize>()
    }
}

impl LoadedObject {
    fn length(&self) -> usize {
        self.path.as_os_str().len() + self.requested.len() + self.by.length()
    }

    /// Whether its path is exactly this one, as the loader writes it.
    fn is_at(&self, path: &Path) -> bool {
        self.path.as_os_str() == path.as_os_str()
    }
}

impl Requester {
    fn length(&self) -> usize {
        match self {
            Self::Object(path) => path.as_os_str().len(),
            Self::Program | Self::Unknown => 0,
        }
    }
}

#[derive(Clone)]
struct OpenRequest {
    name: OsString,
    by: Requester,
    is_dlopen: bool,
    /// The last file tried.
    tried: Option<PathBuf>,
}

impl OutputParser {
    fn new(owner: u32) -> Self {
        Self {
            owner,
            states: HashMap::new(),
            known: HashSet::new(),
            seen: HashSet::new(),
            inheritable: MAX_INHERITED,
            output: DebugOutput::default(),
        }
    }

    /// What a child process inherits from its parent: everything, unless that has become too much. Most
    /// processes are forked when nothing is being loaded.
    fn inherited(&mut self) -> ProcessState {
        let Some(parent) = self.states.get(&self.owner) else {
            return ProcessState::default();
        };
        if let Some(rest) = self.inheritable.checked_sub(parent.length()) {
            self.inheritable = rest;
            return ProcessState {
                // It ends in the parent.
                request: None,
                ..parent.clone()
            };
        }
        ProcessState {
            program: parent.program,
            is_running: parent.is_running,
            ..ProcessState::default()
        }
    }

    fn line(&mut self, line: &[u8]) {
        let Some((pid, text)) = tagged(line) else {
            self.output.not_understood.get_or_insert_with(|| {
                OsStr::from_bytes(&line[..line.len().min(MAX_SHOWN)]).to_owned()
            });
            return;
        };
        if !self.states.contains_key(&pid) {
            let state = self.inherited();
            self.states.insert(pid, state);
        }
        let Some(mut state) = self.states.remove(&pid) else {
            return;
        };
        if let Some(path) = text.strip_prefix(b"  trying file=") {
            if let Some(request) = &mut state.request {
                request.tried = Some(path_of(path));
            }
        } else if let Some(rest) = text.strip_prefix(b"file=") {
            self.file(&mut state, rest);
        } else if let Some(path) = text.strip_prefix(b"calling init: ") {
            self.end_request(&mut state, false);
            self.initialised(&mut state, path_of(path));
        } else if let Some(rest) = text.strip_prefix(b"opening file=") {
            // It was loaded already, perhaps by another path.
            state.request = None;
            self.opened(&state, rest);
        } else if let Some(name) = text.strip_prefix(b"initialize program: ") {
            let name = OsStr::from_bytes(name);
            if state.is_running || state.program.is_none() {
                self.begin(&mut state, name);
            }
        } else if text.starts_with(b"transferring control: ") {
            state.is_running = true;
        }
        self.states.insert(pid, state);
    }

    /// `NAME [N];  needed by BY [N]` and the other lines that begin with `file=`.
    fn file(&mut self, state: &mut ProcessState, text: &[u8]) {
        if let Some(name) = before_namespace(text, b"generating link map") {
            self.mapped(state, name);
        } else if let Some(path) = before_namespace(text, b"destroying link map") {
            self.end_request(state, true);
            let path = path_of(path);
            state.mapped.retain(|object| !object.is_at(&path));
        } else if let Some((name, by)) = split(text, b"];  needed by ") {
            self.requested(state, name, by, false);
        } else if let Some((name, by)) = split(text, b"];  dynamically loaded by ") {
            self.requested(state, name, by, true);
        }
    }

    fn requested(&mut self, state: &mut ProcessState, name: &[u8], by: &[u8], is_dlopen: bool) {
        let (Some(name), Some(by)) = (without_namespace(name, b""), without_namespace(by, b"]"))
        else {
            return;
        };
        self.end_request(state, false);
        let is_object = self.is_object(state, by);
        if !is_object && !is_dlopen {
            // The needs of a program are loaded before it runs, so this is another program.
            let current = state
                .program
                .and_then(|number| self.output.programs.get(number));
            if state.is_running || current.is_none_or(|program| program.name.as_bytes() != by) {
                self.begin(state, OsStr::from_bytes(by));
            }
        }
        state.request = Some(OpenRequest {
            name: OsStr::from_bytes(name).to_owned(),
            by: if is_object {
                Requester::Object(path_of(by))
            } else {
                Requester::Program
            },
            is_dlopen,
            tried: None,
        });
    }

    /// Whether `by` is an object. Otherwise it is the main program, whose name may be anything and
    /// may change.
    fn is_object(&mut self, state: &mut ProcessState, by: &[u8]) -> bool {
        let path = Path::new(OsStr::from_bytes(by));
        if self.known.contains(path) {
            return true;
        }
        // The path of an object that was requested as `$ORIGIN/…` appears only now.
        let waiting = state.mapped.iter_mut().rfind(|object| has_token(object));
        if let Some(object) = waiting.filter(|_| by.starts_with(b"/")) {
            path.clone_into(&mut object.path);
            self.known.insert(path.to_owned());
            return true;
        }
        false
    }

    fn mapped(&mut self, state: &mut ProcessState, name: &[u8]) {
        let name = OsStr::from_bytes(name);
        let Some(request) = state.request.take_if(|request| request.name == name) else {
            // `ld.so PROGRAM`: a program that nothing asked for.
            self.begin(state, name);
            return;
        };
        let path = match request.tried {
            Some(tried) if !name.as_bytes().contains(&b'/') => tried,
            _ => PathBuf::from(name),
        };
        let object = LoadedObject {
            path,
            requested: request.name,
            by: request.by,
            is_dlopen: request.is_dlopen,
        };
        if !has_token(&object) {
            self.known.insert(object.path.clone());
        }
        if state.mapped.len() < MAX_MAPPED {
            state.mapped.push(object);
        }
    }

    fn initialised(&mut self, state: &mut ProcessState, path: PathBuf) {
        let mapped = &mut state.mapped;
        let at = mapped
            .iter()
            .position(|object| object.is_at(&path))
            .or_else(|| {
                mapped
                    .iter()
                    .position(|object| has_token(object) && path.is_absolute())
            });
        // Nothing asks for the loader itself.
        let (Some(at), Some(number)) = (at, state.program) else {
            return;
        };
        let mut object = mapped.remove(at);
        self.known.insert(path.clone());
        object.path = path;
        self.loaded(number, object);
    }

    /// `PATH [N]; direct_opencount=1`, after `opening file=`: the first `dlopen` of PATH has ended.
    fn opened(&mut self, state: &ProcessState, text: &[u8]) {
        let (Some(path), Some(number)) = (
            text.strip_suffix(b"; direct_opencount=1")
                .and_then(|text| without_namespace(text, b"]"))
                .map(path_of),
            state.program,
        ) else {
            return;
        };
        let Some(program) = self.output.programs.get(number) else {
            return;
        };
        let mut known = program.loaded.iter().filter(|object| object.is_at(&path));
        // The main program is opened too, but has no path here.
        if known.clone().next().is_some() && !known.any(|object| object.is_dlopen) {
            self.loaded(
                number,
                LoadedObject {
                    requested: path.clone().into_os_string(),
                    path,
                    by: Requester::Unknown,
                    is_dlopen: true,
                },
            );
        }
    }

    fn loaded(&mut self, number: usize, object: LoadedObject) {
        if let Some(program) = self.output.programs.get_mut(number) {
            if self.seen.insert((number, object.clone())) {
                program.loaded.push(object);
            }
        }
    }

    /// Ends a request that no link map followed. If an object needs the name, it was loaded by another
    /// path, unless the object `is_unloaded`.
    fn end_request(&mut self, state: &mut ProcessState, is_unloaded: bool) {
        let Some(request) = state.request.take() else {
            return;
        };
        let program = state
            .program
            .and_then(|number| self.output.programs.get_mut(number));
        if let Some(program) = program.filter(|_| request.is_dlopen || is_unloaded) {
            let failed = FailedLoad {
                requested: request.name,
                by: request.by,
                is_dlopen: request.is_dlopen,
                tried: request.tried,
            };
            if !program.failed.contains(&failed) {
                program.failed.push(failed);
            }
        }
    }

    /// Ends the processes.
    fn finish(mut self) -> DebugOutput {
        let states: BTreeMap<u32, ProcessState> = self.states.drain().ordered_by_key();
        for mut state in states.into_values() {
            self.end_request(&mut state, true);
        }
        for program in &mut self.output.programs {
            let loaded = &program.loaded;
            let is_loaded =
                |failed: &FailedLoad| loaded.iter().any(|it| it.requested == failed.requested);
            program.failed.retain(|failed| !is_loaded(failed));
        }
        self.output
    }

    fn begin(&mut self, state: &mut ProcessState, name: &OsStr) {
        self.end_request(state, true);
        *state = ProcessState {
            program: Some(self.output.programs.len()),
            ..ProcessState::default()
        };
        self.output.programs.push(Program {
            name: name.to_owned(),
            ..Program::default()
        });
    }
}

/// `      4711:<tab>TEXT` (`_dl_debug_vdprintf` in `elf/dl-printf.c`).
fn tagged(line: &[u8]) -> Option<(u32, &[u8])> {
    let line = line.trim_ascii_start();
    let (pid, text) = split(line, b":\t")?;
    Some((std::str::from_utf8(pid).ok()?.parse().ok()?, text))
}

/// The name in `NAME [N];  WORDS`.
fn before_namespace<'a>(text: &'a [u8], words: &[u8]) -> Option<&'a [u8]> {
    without_namespace(text.strip_suffix(words)?, b"];  ")
}

/// The name in `NAME [N` and `end`.
fn without_namespace<'a>(text: &'a [u8], end: &[u8]) -> Option<&'a [u8]> {
    let text = text.strip_suffix(end)?;
    let at = text.iter().rposition(|byte| !byte.is_ascii_digit())? + 1;
    text.get(..at)?.strip_suffix(b" [")
}

fn has_token(object: &LoadedObject) -> bool {
    let bytes = object.path.as_os_str().as_bytes();
    bytes.contains(&b'$')
}

fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_owned()))
}

fn split<'a>(text: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text
        .windows(separator.len())
        .position(|window| window == separator)?;
    Some((&text[..at], &text[at + separator.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PID: u32 = 4711;

    /// Parses `lines`, each prefixed with the process ID.
    fn output(lines: &[&str]) -> DebugOutput {
        let tag = format!("\n      {PID}:\t");
        let text = format!("{}{}\n", tag.trim_start_matches('\n'), lines.join(&tag));
        read(PID, text.as_bytes()).expect("it can be read")
    }

    fn paths(output: &DebugOutput) -> Vec<Vec<&Path>> {
        let programs = output.programs.iter();
        programs
            .map(|program| program.loaded.iter().map(|object| &*object.path).collect())
            .collect()
    }

    const START: [&str; 6] = [
        "file=libc.so.6 [0];  needed by prog [0]",
        "  trying file=/lib/libc.so.6",
        "file=libc.so.6 [0];  generating link map",
        "calling init: /lib/libc.so.6",
        "initialize program: prog",
        "transferring control: prog",
    ];

    fn after_start(lines: &[&str]) -> DebugOutput {
        output(&[&START, lines].concat())
    }

    #[test]
    fn a_mapped_object_that_is_not_initialised_is_not_loaded() {
        // Like the output of ldd.
        assert_eq!(paths(&output(&START[..3])), [Vec::<&Path>::new()]);
    }

    #[test]
    fn what_is_not_found_is_a_failed_load() {
        let failed = |lines: &[&str]| -> Vec<String> {
            let output = after_start(lines);
            let failed = output.programs[0].failed.iter();
            failed
                .map(|it| it.requested.to_string_lossy().into_owned())
                .collect()
        };
        let asked = "file=liba.so.1 [0];  dynamically loaded by prog [0]";
        let tried = "  trying file=/lib/liba.so.1";
        let other = "file=libb.so.1 [0];  dynamically loaded by prog [0]";
        let mapped = [
            "file=liba.so.1 [0];  generating link map",
            "calling init: /lib/liba.so.1",
        ];
        assert_eq!(failed(&[asked, tried, other]), ["liba.so.1", "libb.so.1"]);
        assert_eq!(failed(&[&[asked, tried], &mapped[..]].concat()), [""; 0]);
        // Found at last.
        assert_eq!(
            failed(&[&[asked, asked, tried], &mapped[..]].concat()),
            [""; 0]
        );
        // Loaded already, by another name.
        let opened = "opening file=/lib/liba.so.2 [0]; direct_opencount=2";
        assert_eq!(failed(&[asked, tried, opened]), [""; 0]);
        let needed = "file=libc.so [0];  needed by /lib/liba.so.1 [0]";
        let unmapped = "file=/lib/liba.so.1 [0];  destroying link map";
        assert_eq!(
            failed(&[asked, tried, mapped[0], needed, mapped[1]]),
            [""; 0]
        );
        assert_eq!(
            failed(&[asked, tried, mapped[0], needed, unmapped]),
            ["libc.so"]
        );
        // Without the library the program does not start.
        let output = output(&START[..2]);
        assert_eq!(output.programs[0].failed[0].requested, "libc.so.6");
    }

    #[test]
    fn the_last_file_that_was_tried_is_loaded() {
        let output = after_start(&[
            "file=liba.so [0];  dynamically loaded by prog [0]",
            "  trying file=/one/liba.so",
            "  trying file=/two/liba.so",
            "file=liba.so [0];  generating link map",
            "calling init: /two/liba.so",
        ]);
        let found = [Path::new("/lib/libc.so.6"), Path::new("/two/liba.so")];
        assert_eq!(paths(&output), [found]);
    }

    #[test]
    fn a_program_that_renames_itself_is_still_the_program() {
        let output = after_start(&[
            "file=/a.so [0];  dynamically loaded by prog: worker [1] [0]",
            "file=/a.so [0];  generating link map",
            "calling init: /a.so",
        ]);
        let object = LoadedObject {
            path: "/a.so".into(),
            requested: "/a.so".into(),
            by: Requester::Program,
            is_dlopen: true,
        };
        assert_eq!(output.programs.len(), 1);
        assert_eq!(output.programs[0].loaded[1], object);
    }

    #[test]
    fn a_program_that_executes_itself_counts_twice() {
        let output = output(&[START, START].concat());
        let libc = vec![Path::new("/lib/libc.so.6")];
        assert_eq!(paths(&output), [libc.clone(), libc]);
    }

    #[test]
    fn a_program_started_by_naming_the_loader_is_the_main_program() {
        let direct = [&["file=prog [0];  generating link map"][..], &START].concat();
        let output = output(&direct);
        assert_eq!(paths(&output), [[Path::new("/lib/libc.so.6")]]);
        assert_eq!(output.programs[0].loaded[0].by, Requester::Program);
    }

    #[test]
    fn names_are_bytes() {
        let text = b"  1:\tfile=libc [0];  needed by p [0]\n  1:\ttransferring control: p\n\
            1:\tfile=./a\xff [1] b [0];  dynamically loaded by p [0]\n\
            1:\tfile=./a\xff [1] b [0];  generating link map\n1:\tcalling init: ./a\xff [1] b\n";
        let output = read(1, &text[..]).expect("it can be read");
        let path = Path::new(OsStr::from_bytes(b"./a\xff [1] b"));
        assert_eq!(paths(&output), [[path]]);
        assert_eq!(output.not_understood, None);
    }

    #[test]
    fn truncated_output_and_foreign_lines_are_reported() {
        let read = |text: &str| read(PID, text.as_bytes()).expect("it can be read");
        let cut_off = read("   4711:\t\n   4711:\tfile=lib");
        assert!(cut_off.is_cut_off);
        assert_eq!(cut_off.not_understood, None);
        let strange = read("   4711:\tfile=./a\nb [0];  needed by p [0]\n");
        assert!(!strange.is_cut_off);
        assert_eq!(
            strange.not_understood,
            Some("b [0];  needed by p [0]".into())
        );
    }

    #[test]
    fn a_list_of_directories_may_have_any_length() {
        let long = format!(" search path={}", "/directory:".repeat(20_000));
        let output = after_start(&[
            &long,
            "file=/a.so [0];  dynamically loaded by prog [0]",
            "file=/a.so [0];  generating link map",
            "calling init: /a.so",
        ]);
        assert_eq!(output.programs[0].loaded.len(), 2);
        assert_eq!((output.is_cut_off, output.not_understood), (false, None));
    }
}
