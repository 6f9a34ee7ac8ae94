//! Every small change of a document.

use serde_json::{Value, json};

/// The document with one value replaced, removed or added, and what was done.
pub fn changes(document: &Value) -> Vec<(String, Value)> {
    let mut pointers = Vec::new();
    collect_pointers(document, String::new(), &mut pointers);
    let mut changes = Vec::new();
    for pointer in pointers {
        let mut change = |what: String, edit: &dyn Fn(&mut Value)| {
            let mut changed = document.clone();
            edit(changed.pointer_mut(&pointer).unwrap());
            changes.push((format!("{what} at {pointer:?}"), changed));
        };
        for substitute in substitutes() {
            change(substitute.to_string(), &|value| *value = substitute.clone());
        }
        if let Some(object) = document.pointer(&pointer).and_then(Value::as_object) {
            change("an unknown field".into(), &|value| value["unknown"] = json!(1));
            for name in object.keys() {
                change(format!("no {name}"), &|value| drop(value.as_object_mut().unwrap().remove(name)));
            }
        }
    }
    changes
}

fn collect_pointers(value: &Value, pointer: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            collect_pointers(value, format!("{pointer}/{name}"), pointers);
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, value)| {
            collect_pointers(value, format!("{pointer}/{index}"), pointers);
        }),
        _ => {}
    }
    pointers.push(pointer);
}

/// Values of every type, on both sides of the bounds that the contracts have.
fn substitutes() -> Vec<Value> {
    let (too_long, too_many) = ("x".repeat(1025), json!(vec!["x"; 51]));
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(-1),
        json!(1.5),
        json!(1801),
        json!(16_777_217),
        json!(1_u64 << 32),
        json!(1_u64 << 63),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e20),
        json!(-1e20),
        json!(""),
        json!("0aF"),
        json!("0aF\n"),
        json!("INFO"),
        json!(too_long),
        json!("2026-08-01T10:00:00.123456789Z"),
        json!("2026-08-01T12:00:00+02:00"),
        json!("2026-08-01t10:00:00z"),
        json!("2026-08-01 10:00:00Z"),
        json!("2026-08-01T10:00Z"),
        json!("2026-08-01T10:00:00"),
        json!("2026-08-01T10:00:00+0000"),
        json!("2026-08-01T10:00:00Z[UTC]"),
        json!("2026-02-29T10:00:00Z"),
        json!([]),
        json!([{}]),
        too_many,
        json!({}),
    ]
}
