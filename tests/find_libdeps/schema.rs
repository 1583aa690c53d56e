//! The JSON Schemas of docs/, against which all reports of the tests are held. Of JSON Schema, only
//! what these two use is understood; any other keyword is an error.

use crate::fixture::Fixture;
use crate::oracle::TOOLS;
use crate::support::harness::test;
use crate::support::programs;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

/// The schema `name` of docs/.
fn schema(name: &str) -> Value {
    let path = programs::checkout().join("docs").join(name);
    let text = fs::read_to_string(path).expect("a schema");
    serde_json::from_str(&text).expect("JSON")
}

/// Compares `report` with the schema `name`.
#[track_caller]
pub fn holds(name: &str, report: &Value) {
    let schema = schema(name);
    let mut faults = Vec::new();
    compare(&schema, &schema, report, "", &mut faults);
    assert!(faults.is_empty(), "{name}: {faults:#?}");
}

/// Adds what is wrong with `value`, which is at `place`.
fn compare(root: &Value, schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
    for (keyword, wanted) in schema.as_object().expect("an object") {
        let holds = match keyword.as_str() {
            "$schema" | "$defs" | "title" => true,
            "$ref" => {
                let pointer = wanted.as_str().and_then(|text| text.strip_prefix('#'));
                let schema = root.pointer(pointer.expect("a reference within the schema"));
                compare(root, schema.expect("a definition"), value, place, faults);
                true
            }
            "type" => match wanted {
                Value::Array(types) => types.iter().any(|wanted| is(value, wanted)),
                _ => is(value, wanted),
            },
            "const" => value == wanted,
            "enum" => wanted.as_array().expect("values").contains(value),
            "minimum" => value.as_i64() >= wanted.as_i64(),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    compare(root, wanted, item, &format!("{place}/{index}"), faults);
                }
                true
            }
            "properties" => {
                for (name, schema) in wanted.as_object().expect("properties") {
                    if let Some(value) = value.get(name) {
                        compare(root, schema, value, &format!("{place}/{name}"), faults);
                    }
                }
                true
            }
            "required" => {
                let names = wanted.as_array().expect("names");
                names
                    .iter()
                    .all(|name| value.get(name.as_str().expect("a name")).is_some())
            }
            "additionalProperties" => {
                assert_eq!(wanted, false);
                let names = value
                    .as_object()
                    .into_iter()
                    .flat_map(|object| object.keys());
                names
                    .into_iter()
                    .all(|name| schema["properties"].get(name).is_some())
            }
            _ => panic!("{place}: unknown keyword `{keyword}`"),
        };
        if !holds {
            faults.push(format!("{place}: {value} is not {keyword} {wanted}"));
        }
    }
}

fn is(value: &Value, kind: &Value) -> bool {
    match kind.as_str().expect("a type") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("unknown type `{other}`"),
    }
}

test!(
    a_report_that_differs_from_the_schema_is_found,
    needs = TOOLS
);
fn a_report_that_differs_from_the_schema_is_found() {
    let fixture = Fixture::new();
    fixture.library("venv/ext.so", "int e;", &["-lc"]);
    let report = fixture.report("venv").0;
    let schema = schema("report.schema.json");
    for (pointer, value, fault) in [
        ("/format", 2.into(), "/format: 2 is not const 1"),
        (
            "/counts/elf",
            (-1).into(),
            "/counts/elf: -1 is not minimum 0",
        ),
        (
            "/release/id",
            1.into(),
            "/release/id: 1 is not type [\"string\",\"null\"]",
        ),
        (
            "/started",
            Value::Null,
            "/started: null is not type \"array\"",
        ),
    ] {
        let mut report = report.clone();
        *report.pointer_mut(pointer).expect("a value") = value;
        let mut faults = Vec::new();
        compare(&schema, &schema, &report, "", &mut faults);
        assert_eq!(faults, [fault]);
    }
}

test!(the_document_names_all_fields_and_values_of_the_schemas);
fn the_document_names_all_fields_and_values_of_the_schemas() {
    let document = programs::checkout().join("docs/json.md");
    let document = fs::read_to_string(document).expect("a document");
    let mut names = BTreeSet::new();
    for name in ["report.schema.json", "check.schema.json"] {
        collect(&schema(name), &mut names);
    }
    names.retain(|name| !document.contains(&format!("`{name}`")));
    assert_eq!(names, BTreeSet::new());
}

/// The names of all properties and the texts of all enumerations.
fn collect(schema: &Value, names: &mut BTreeSet<String>) {
    if let Value::Object(fields) = schema {
        if let Some(Value::Object(properties)) = fields.get("properties") {
            names.extend(properties.keys().cloned());
        }
        if let Some(Value::Array(values)) = fields.get("enum") {
            names.extend(
                values
                    .iter()
                    .filter_map(|value| value.as_str().map(str::to_owned)),
            );
        }
        fields.values().for_each(|field| collect(field, names));
    }
}
