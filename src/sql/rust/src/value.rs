//! JSON to template values and back.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ValueKind};
use minijinja::{Error, ErrorKind, Value};

/// The key whose text an object prints as, such as the quoted name of a relation that also has parts.
const TEXT_KEY: &str = "__text__";

/// A map that prints as one of its texts.
#[derive(Debug)]
struct Printed {
    text: String,
    fields: serde_json::Map<String, serde_json::Value>,
}

impl Object for Printed {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.fields.get(key.as_str()?).cloned().map(from_json)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.fields.keys().map(|key| Value::from(key.as_str())).collect())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub fn from_json(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Array(items) => items.into_iter().map(from_json).collect(),
        serde_json::Value::Object(fields) => match fields.get(TEXT_KEY) {
            Some(serde_json::Value::String(text)) => Value::from_object(Printed { text: text.clone(), fields }),
            _ => Value::from_pairs(fields.into_iter().map(|(key, value)| (key, from_json(value)))),
        },
        serde_json::Value::String(text) => Value::from(text),
        serde_json::Value::Bool(flag) => Value::from(flag),
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(integer), _) => Value::from(integer),
            (None, Some(integer)) => Value::from(integer),
            _ => Value::from(number.as_f64().unwrap_or(f64::NAN)),
        },
    }
}

pub fn to_json(value: &Value) -> Result<serde_json::Value, Error> {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Ok(serde_json::Value::Null),
        ValueKind::Seq | ValueKind::Iterable => {
            Ok(serde_json::Value::Array(value.try_iter()?.map(|item| to_json(&item)).collect::<Result<_, _>>()?))
        }
        ValueKind::Map => {
            let mut fields = serde_json::Map::new();
            for key in value.try_iter()? {
                fields.insert(key.to_string(), to_json(&value.get_item(&key)?)?);
            }
            Ok(serde_json::Value::Object(fields))
        }
        ValueKind::Bool => Ok(serde_json::Value::Bool(value.is_true())),
        ValueKind::Number if value.is_integer() => match (i64::try_from(value.clone()), u64::try_from(value.clone())) {
            (Ok(integer), _) => Ok(integer.into()),
            (_, Ok(integer)) => Ok(integer.into()),
            _ => Err(Error::new(ErrorKind::BadSerialization, "an integer of more than 64 bits")),
        },
        ValueKind::Number => Ok(f64::try_from(value.clone())?.into()),
        _ => Ok(serde_json::Value::String(value.to_string())),
    }
}
