//! What the loader reads of a file: whole pages, by address.

use crate::elf::{
    self, DT_SONAME, DT_STRTAB, DYNAMIC, Elf, PAGE, SEGMENT_ADDRESS, SEGMENT_FILE_SIZE,
    SEGMENT_FLAGS, SEGMENT_MEMORY_SIZE, SEGMENT_OFFSET,
};
use crate::fixture::Fixture;
use crate::oracle::{TOOLS, library, proves, runpath, soname};
use crate::support::harness::test;
use std::path::PathBuf;

const FOUND: &str = "liba.so.1: bundled venv/libs/liba.so.1 (runpath)";

/// An extension that needs a bundled library.
fn extension(fixture: &Fixture, arguments: &[&str]) -> PathBuf {
    let needed = library(fixture, "venv/libs/liba.so.1", &[]);
    let path = runpath("$ORIGIN/libs");
    let all = [&[needed.as_str(), &path], arguments].concat();
    fixture.library("venv/ext.so", "int x[8] = {1};", &all)
}

test!(
    a_string_table_may_lie_in_the_page_behind_its_segment,
    needs = TOOLS
);
fn a_string_table_may_lie_in_the_page_behind_its_segment() {
    let fixture = Fixture::new();
    let file = extension(&fixture, &["-Wl,-z,separate-code"]);
    // The first segment holds the headers and the string table, and ends in the middle of the latter.
    elf::change(&file, |elf| {
        let size = elf.find(b"liba.so.1\0") + 4;
        let first = elf.segments()[0].header;
        elf.put_number(first + SEGMENT_FILE_SIZE, size);
        elf.put_number(first + SEGMENT_MEMORY_SIZE, size);
    });
    proves(&fixture, &file, &[FOUND], &[]);
}

test!(a_page_of_a_later_segment_counts, needs = TOOLS);
fn a_page_of_a_later_segment_counts() {
    let fixture = Fixture::new();
    let file = extension(&fixture, &["-Wl,-z,separate-code"]);
    // In the page that the last segment maps, the string table is found by an address before it.
    elf::change(&file, |elf| {
        let strings = elf.index_of(DT_STRTAB);
        let last = elf.last_loaded();
        let address = elf.number_at(last.header + SEGMENT_ADDRESS);
        let page = address / PAGE as u64 * PAGE as u64;
        let offset = last.offset / PAGE * PAGE;
        let table = elf.0[strings..strings + 0x200].to_vec();
        elf.put(offset, table);
        elf.put_entry(DT_STRTAB, page);
    });
    proves(&fixture, &file, &[FOUND], &[]);
}

test!(a_table_may_go_on_in_the_next_segment, needs = TOOLS);
fn a_table_may_go_on_in_the_next_segment() {
    let fixture = Fixture::new();
    // Two segments that share one page of the file, and have one page of memory each.
    let layout = ["-Wl,-z,noseparate-code", "-Wl,-z,norelro"];
    let file = extension(&fixture, &layout);
    elf::change(&file, |elf| {
        let section = elf.dynamic();
        let entries = elf.0[section.offset..section.offset + section.size].to_vec();
        let last = elf.last_loaded();
        // The second gets its own page of the file.
        elf.0.truncate(PAGE);
        elf.0.resize(PAGE, 0);
        elf.0.extend_from_within(..);
        elf.put_number(last.header + SEGMENT_OFFSET, last.offset + PAGE);
        // Two entries in the first page, the others in the second.
        let place = PAGE - 2 * 16;
        elf.put(place, entries);
        elf.put_number(section.header + SEGMENT_ADDRESS, place);
        // The loader does not write to it where it is not writable.
        elf.put(section.header + SEGMENT_FLAGS, 4_u32.to_le_bytes());
    });
    proves(&fixture, &file, &[FOUND], &[]);
}

test!(
    a_file_that_ends_inside_its_last_page_is_loaded,
    needs = TOOLS
);
fn a_file_that_ends_inside_its_last_page_is_loaded() {
    let fixture = Fixture::new();
    let file = extension(&fixture, &["-s"]);
    let mut elf = Elf::read(&file);
    elf.0.truncate(elf.loaded_end() - 8);
    fixture.file("venv/ext.so", elf.0);
    let cut =
        "venv/ext.so: ends 8 bytes before its last segment does; the loader finds zeros there";
    proves(&fixture, &file, &[FOUND], &[cut]);
}

test!(the_dynamic_section_is_found_by_its_address, needs = TOOLS);
fn the_dynamic_section_is_found_by_its_address() {
    let fixture = Fixture::new();
    let file = extension(&fixture, &[]);
    elf::change(&file, |elf| {
        let at = elf.dynamic().header + SEGMENT_OFFSET;
        elf.put_number(at, 16);
    });
    proves(&fixture, &file, &[FOUND], &[]);
}

test!(the_dynamic_section_ends_where_its_entries_do, needs = TOOLS);
fn the_dynamic_section_ends_where_its_entries_do() {
    let fixture = Fixture::new();
    let file = extension(&fixture, &[]);
    elf::change(&file, |elf| {
        let at = elf.dynamic().header + SEGMENT_FILE_SIZE;
        elf.put_number(at, 16);
    });
    proves(&fixture, &file, &[FOUND], &[]);
}

test!(of_several_dynamic_sections_the_last_counts, needs = TOOLS);
fn of_several_dynamic_sections_the_last_counts() {
    let fixture = Fixture::new();
    let file = extension(&fixture, &[&soname("libother.so.1")]);
    elf::change(&file, |elf| {
        // A second header, in place of one that the loader ignores; the first leads elsewhere.
        let all = elf.segments();
        let first = elf.dynamic().header;
        let last = all.last().expect("it has segments").header;
        assert!(last > first);
        let header = elf.0[first..first + 56].to_vec();
        elf.put(last, header);
        elf.put_number(first + SEGMENT_ADDRESS, 64);
        assert_eq!(
            elf.segments().last().map(|segment| segment.kind),
            Some(DYNAMIC)
        );
    });
    proves(&fixture, &file, &[FOUND], &[]);
}

test!(of_several_entries_of_a_tag_the_last_counts, needs = TOOLS);
fn of_several_entries_of_a_tag_the_last_counts() {
    let fixture = Fixture::new();
    let needed = library(&fixture, "libs/liba.so.1", &[]);
    let path = runpath("$ORIGIN/../libs");
    let arguments = [&needed, &path, &soname("/nowhere")];
    let file = fixture.library("venv/ext.so", "int x;", &arguments.map(String::as_str));
    elf::change(&file, |elf| elf.add_entry(elf::DT_RUNPATH, DT_SONAME));
    proves(&fixture, &file, &["liba.so.1: missing"], &[]);
}
