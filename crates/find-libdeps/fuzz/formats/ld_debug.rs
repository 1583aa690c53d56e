//! The output of the loader under `LD_DEBUG`.

use super::{Format, texts};
use crate::trace::ld_debug::{Requester, read};

pub const FORMAT: Format = Format {
    name: "ld_debug",
    check,
    seeds: || {
        texts(&["      4711:\tfile=libc.so.6 [0];  needed by prog [0]\n\
             \x20     4711:\t  trying file=/lib/libc.so.6\n\
             \x20     4711:\tfile=libc.so.6 [0];  generating link map\n\
             \x20     4711:\tcalling init: /lib/libc.so.6\n\
             \x20     4711:\tinitialize program: prog\n\
             \x20     4711:\ttransferring control: prog\n\
             \x20     4712:\tfile=/x/a.so [0];  dynamically loaded by prog [0]\n\
             \x20     4712:\tfile=/x/a.so [0];  generating link map\n\
             \x20     4712:\tfile=$ORIGIN/b.so [0];  needed by /x/a.so [0]\n\
             \x20     4712:\tfile=$ORIGIN/b.so [0];  generating link map\n\
             \x20     4712:\tcalling init: /x/b.so\n\
             \x20     4712:\tcalling init: /x/a.so\n\
             \x20     4712:\topening file=/lib/libc.so.6 [0]; direct_opencount=1\n\
             \x20     4712:\tfile=/x/a.so [0];  destroying link map\n"])
    },
    words: &[
        "\n      4711:\t",
        "\n1:\t",
        "\n2:\t",
        "file=",
        " [0];  needed by ",
        " [0];  dynamically loaded by ",
        " [0];  generating link map",
        " [0];  destroying link map",
        "  trying file=/",
        "calling init: /",
        "opening file=/",
        " [0]; direct_opencount=1",
        "initialize program: ",
        "transferring control: ",
        " [0]",
        "$ORIGIN/",
    ],
    is_binary: false,
};

fn check(bytes: &[u8]) {
    let output = read(4711, bytes).expect("memory can be read");
    assert_eq!(output, read(4711, bytes).expect("memory can be read"));
    let lines = bytes.split(|&byte| byte == b'\n').count();
    let loaded = output.programs.iter().flat_map(|program| &program.loaded);
    assert!(output.programs.len() <= lines);
    assert!(loaded.clone().count() <= lines);
    let mut total = 0;
    for object in loaded {
        total += object.path.as_os_str().len() + object.requested.len();
        if let Requester::Object(path) = &object.by {
            total += path.as_os_str().len();
        }
    }
    assert!(total <= (1 << 20) + 8 * bytes.len(), "{total} bytes");
}
