//! Equal names and objects of many files, each kept once.

use crate::elf::object_file::Object;
use crate::elf::symbol_versions::RequiredVersion;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::sync::Arc;

/// What the files of a tree have in common: they need the same libraries in the same versions, and
/// copies of a file are equal.
#[derive(Debug, Default)]
pub struct Shared {
    names: HashSet<Arc<OsStr>>,
    objects: HashSet<Arc<Object>>,
}

impl Shared {
    /// `object`, or the equal one that is known.
    pub fn object(&mut self, mut object: Object) -> Arc<Object> {
        if let Some(known) = self.objects.get(&object) {
            return Arc::clone(known);
        }
        let names = [&mut object.needed, &mut object.auxiliary];
        let names = names.into_iter().flatten();
        let single = [&mut object.soname, &mut object.rpath, &mut object.runpath];
        let single = single.into_iter().chain([&mut object.interpreter]);
        for name in names.chain(single.flatten()) {
            self.share(name);
        }
        for RequiredVersion { library, version } in &mut object.required_versions {
            self.share(library);
            self.share(version);
        }
        for name in object
            .unneeded
            .iter_mut()
            .chain(&mut object.defined_versions)
        {
            self.share(name);
        }
        let object = Arc::new(object);
        self.objects.insert(Arc::clone(&object));
        object
    }

    fn share(&mut self, name: &mut Arc<OsStr>) {
        match self.names.get(name) {
            Some(known) => *name = Arc::clone(known),
            None => {
                self.names.insert(Arc::clone(name));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::object_file::Kind;
    use crate::system::architecture::Abi;

    #[test]
    fn equal_objects_and_names_are_kept_once() {
        let object = |name: &str, needed: &[&str]| Object {
            soname: Some(OsStr::new(name).into()),
            needed: needed.iter().map(|name| OsStr::new(name).into()).collect(),
            ..Object::new(Abi::of("amd64"), Kind::Library)
        };
        let mut shared = Shared::default();
        let one = shared.object(object("liba.so.1", &["libc.so.6"]));
        let same = shared.object(object("liba.so.1", &["libc.so.6"]));
        let other = shared.object(object("libb.so.1", &["liba.so.1", "libc.so.6"]));
        assert!(Arc::ptr_eq(&one, &same));
        assert!(Arc::ptr_eq(&one.needed[0], &other.needed[1]));
        assert!(Arc::ptr_eq(one.soname.as_ref().unwrap(), &other.needed[0]));
        assert_eq!(*other, object("libb.so.1", &["liba.so.1", "libc.so.6"]));
    }
}
