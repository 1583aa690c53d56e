//! Prints the calls that load libraries in the Python sources below a directory, as JSON, one per
//! line: what `benches/dlopen-scan.py` measures. `find-libdeps` resolves the names of these calls, and
//! drops those of distributions that are in its table.

use find_libdeps::demand::LibraryName;
use find_libdeps::python::source::{calls_in, is_for_run_time};
use serde_json::json;
use std::error::Error;
use std::fs::File;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = PathBuf::from(std::env::args_os().nth(1).ok_or("no directory given")?);
    let mut buffer = Vec::new();
    for entry in walkdir::WalkDir::new(&dir).sort_by_file_name() {
        let path = entry?.into_path();
        if !path.is_file() || !is_for_run_time(path.strip_prefix(&dir)?) {
            continue;
        }
        for call in calls_in(&File::open(&path)?, &mut buffer)?? {
            let names = call.names.iter().map(|name| match name {
                LibraryName::Soname(soname) => soname.to_string_lossy(),
                LibraryName::Stem(stem) => stem.into(),
            });
            let names: Vec<_> = names.collect();
            println!(
                "{}",
                json!({"path": path, "line": call.line, "names": names})
            );
        }
    }
    Ok(())
}
