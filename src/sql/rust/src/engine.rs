//! An environment with Weir's functions and macros, and what goes wrong in it, placed.

use std::fmt;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};

use crate::value::{from_json, to_json};

/// All macro files as one template, so that macros of any file call each other.
const MACROS: &str = "\u{1}macros";

/// A mistake in a template. `file` is empty for the text that was being rendered, else a macro file.
pub struct Mistake {
    pub message: String,
    pub file: String,
    pub line: usize,
    pub column: usize,
    /// A function of the caller's reported it; the caller knows more.
    pub from_function: bool,
}

/// Marks errors that a function of the caller's returned.
#[derive(Debug)]
struct FromFunction;

impl fmt::Display for FromFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a function failed")
    }
}

impl std::error::Error for FromFunction {}

struct MacroFile {
    name: String,
    text: String,
    first_line: usize,
}

pub struct Engine {
    environment: Environment<'static>,
    macro_files: Vec<MacroFile>,
    macros: String,
    macro_names: Vec<String>,
    /// Brings the macros into a template's scope; stands before its text, on its first line.
    prefix: String,
}

pub fn new_environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_debug(false);
    environment.set_unknown_method_callback(unknown_method);
    environment.set_formatter(|out, state, value| match instant_text(value) {
        Some(text) => minijinja::escape_formatter(out, state, &text),
        None => minijinja::escape_formatter(out, state, value),
    });
    environment.set_syntax(syntax());
    environment
}

/// An instant is {text, date, time, epoch}; within a text it is the first of them.
fn instant_text(value: &Value) -> Option<Value> {
    let is_instant = value.kind() == ValueKind::Map
        && value.len() == Some(4)
        && ["date", "time", "epoch"].iter().all(|name| value.get_attr(name).is_ok_and(|part| !part.is_undefined()));
    let text = if is_instant { value.get_attr("text").ok()? } else { return None };
    (text.kind() == ValueKind::String).then_some(text)
}

fn syntax() -> SyntaxConfig {
    let mut builder = SyntaxConfig::builder();
    builder.keep_trailing_newline(true);
    builder.build().expect("the default delimiters are valid")
}

/// Python's methods of texts, lists and maps, and a word about those that change a list in place.
fn unknown_method(state: &mut minijinja::State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    match minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args) {
        Err(error) if error.kind() == ErrorKind::UnknownMethod => Err(match method {
            "append" | "extend" | "insert" => Error::new(
                ErrorKind::UnknownMethod,
                format!("lists do not change in place, so there is no {method}(): write {{% set list = list + [item] %}}"),
            ),
            "update" | "setdefault" => Error::new(
                ErrorKind::UnknownMethod,
                format!("maps do not change in place, so there is no {method}(): write {{% set map = dict(map, key=value) %}}"),
            ),
            _ => Error::new(ErrorKind::UnknownMethod, format!("a {} has no method {method}", value.kind())),
        }),
        other => other,
    }
}

/// dbt's generic tests are macros with another keyword: `{% test positive(model) %}` defines `test_positive`.
pub fn tests_as_macros(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at);
        result.push_str(before);
        let inner = tag[2..].trim_start_matches(['-', '+']);
        let opening = &tag[..tag.len() - inner.len()];
        let word = inner.trim_start();
        result.push_str(opening);
        if let Some(name) = word.strip_prefix("test ") {
            result.push_str(" macro test_");
            rest = name.trim_start();
        } else if let Some(end) = word.strip_prefix("endtest") {
            result.push_str(" endmacro");
            rest = end;
        } else {
            rest = inner;
        }
    }
    result.push_str(rest);
    result
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Where an error stands. minijinja gives only the last attributes of a chain (".y.z"): what they belong to is added.
fn range(error: &Error, source: &str) -> Option<std::ops::Range<usize>> {
    let range = error.range()?;
    if !source.get(range.clone())?.starts_with('.') {
        return Some(range);
    }
    let name = source[..range.start]
        .rfind(|c: char| !c.is_alphanumeric() && c != '_' && c != '.')
        .map_or(0, |at| at + source[at..].chars().next().map_or(1, char::len_utf8));
    Some(name..range.end)
}

/// "params.rowz" rather than a whole expression.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.')
}

fn message(error: &Error, source: &str) -> String {
    if error.kind() == ErrorKind::UndefinedError {
        let name = range(error, source).and_then(|range| source.get(range)).unwrap_or("");
        return match error.detail() {
            _ if is_name(name) => format!("undefined variable: {name}"),
            Some(detail) => format!("undefined variable: {detail}"),
            None => format!("undefined variable in: {name}"),
        };
    }
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

impl Engine {
    pub fn new() -> Engine {
        Engine {
            environment: new_environment(),
            macro_files: Vec::new(),
            macros: String::new(),
            macro_names: Vec::new(),
            prefix: String::new(),
        }
    }

    /// `call` takes positional and keyword arguments as JSON and returns JSON or a message.
    pub fn add_function<F>(&mut self, name: String, call: F)
    where
        F: Fn(&str, &str) -> Result<String, String> + Send + Sync + 'static,
    {
        self.environment.add_function(name, move |arguments: Rest<Value>, keywords: Kwargs| -> Result<Value, Error> {
            let arguments = arguments.iter().map(to_json).collect::<Result<Vec<_>, _>>()?;
            let mut named = serde_json::Map::new();
            for key in keywords.args() {
                named.insert(key.to_string(), to_json(&keywords.get::<Value>(key)?)?);
            }
            keywords.assert_all_used()?;
            let arguments = serde_json::Value::Array(arguments).to_string();
            match call(&arguments, &serde_json::Value::Object(named).to_string()) {
                Ok(json) => serde_json::from_str(&json)
                    .map(from_json)
                    .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string())),
                Err(message) => Err(Error::new(ErrorKind::InvalidOperation, message).with_source(FromFunction)),
            }
        });
    }

    pub fn add_variable(&mut self, name: String, json: &str) -> Result<(), Mistake> {
        let value = serde_json::from_str(json).map_err(|error| plain(error.to_string()))?;
        self.environment.add_global(name, from_json(value));
        Ok(())
    }

    pub fn add_macros(&mut self, name: &str, text: &str) -> Result<(), Mistake> {
        let text = tests_as_macros(text);
        check_syntax(&text)?;
        self.macro_files.retain(|file| file.name != name);
        let file = MacroFile { name: name.to_string(), text, first_line: 1 };
        self.macro_files.push(file);
        self.macros.clear();
        for file in &mut self.macro_files {
            file.first_line = self.macros.matches('\n').count() + 1;
            self.macros.push_str(&file.text);
            self.macros.push('\n');
        }
        let added = self.environment.add_template_owned(MACROS, self.macros.clone());
        added.map_err(|error| self.place(&error, ""))?;
        let names: Vec<String> = {
            let template = self.environment.get_template(MACROS).map_err(|error| self.place(&error, ""))?;
            let captured = template.render_captured(()).map_err(|error| self.place(&error, ""))?;
            captured.state().exports().into_iter().filter(|name| !name.starts_with('_')).map(str::to_string).collect()
        };
        self.prefix = match names.is_empty() {
            true => String::new(),
            false => format!("{{% from \"{MACROS}\" import {} %}}", names.join(", ")),
        };
        self.macro_names = names;
        Ok(())
    }

    pub fn render(&self, text: &str, variables: &str) -> Result<String, Mistake> {
        let variables = parse_variables(variables)?;
        self.render_value(text, variables)
    }

    fn render_value(&self, text: &str, variables: Value) -> Result<String, Mistake> {
        let source = format!("{}{}", self.prefix, text);
        self.environment.render_named_str("", &source, variables).map_err(|error| self.place(&error, &source))
    }

    /// The value of a text that is one expression, as JSON; other texts render.
    pub fn evaluate(&self, text: &str, variables: &str) -> Result<String, Mistake> {
        let variables = parse_variables(variables)?;
        if let Some(inner) = only_expression(text) {
            if let Ok(expression) = self.environment.compile_expression(inner) {
                let uses_macros =
                    expression.undeclared_variables(false).iter().any(|name| self.macro_names.contains(name));
                if !uses_macros {
                    // What fails here fails again below, where its place is known.
                    if let Some(value) = expression.eval(&variables).ok().filter(|value| !value.is_undefined()) {
                        let json = to_json(&value).map_err(|error| self.place(&error, text))?;
                        return Ok(json.to_string());
                    }
                }
            }
        }
        self.render_value(text, variables).map(|text| serde_json::Value::String(text).to_string())
    }

    fn place(&self, error: &Error, source: &str) -> Mistake {
        let in_macros = error.name() == Some(MACROS);
        let source = if in_macros { &self.macros } else { source };
        let (mut line, mut column) = match range(error, source) {
            Some(range) => position(source, range.start),
            None => (error.line().unwrap_or(1), 0),
        };
        let mut file = String::new();
        if in_macros {
            if let Some(found) = self.macro_files.iter().rev().find(|file| file.first_line <= line) {
                file.clone_from(&found.name);
                line = line + 1 - found.first_line;
            }
        } else if line == 1 && column > self.prefix.chars().count() {
            column -= self.prefix.chars().count();
        }
        Mistake { message: message(error, source), file, line, column, from_function: is_from_function(error) }
    }
}

fn is_from_function(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if inner.is::<FromFunction>() {
            return true;
        }
        source = inner.source();
    }
    false
}

pub fn plain(message: String) -> Mistake {
    Mistake { message, file: String::new(), line: 1, column: 1, from_function: false }
}

fn parse_variables(json: &str) -> Result<Value, Mistake> {
    serde_json::from_str(json).map(from_json).map_err(|error| plain(error.to_string()))
}

/// What stands between "{{" and "}}" when nothing stands around them.
fn only_expression(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    Some(inner.trim_matches('-').trim())
}

pub fn check_syntax(text: &str) -> Result<(), Mistake> {
    let text = tests_as_macros(text);
    let environment = new_environment();
    let checked = environment.template_from_named_str("", &text).map(|_| ());
    checked.map_err(|error| {
        let (line, column) = match error.range() {
            Some(range) => position(&text, range.start),
            None => (error.line().unwrap_or(1), 0),
        };
        Mistake { message: message(&error, &text), file: String::new(), line, column, from_function: false }
    })
}

/// The names that a template takes from outside, attributes included, one a line, sorted.
pub fn free_names(text: &str) -> String {
    let text = tests_as_macros(text);
    let environment = new_environment();
    let mut names: Vec<String> = match environment.template_from_named_str("", &text) {
        Ok(template) => template.undeclared_variables(true).into_iter().collect(),
        Err(_) => Vec::new(),
    };
    names.sort();
    names.join("\n")
}
