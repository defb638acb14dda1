//! `import --values`: a file of values for the variables of sources, and its template.

use super::{Exit, Failure};
use crate::diag::shell::word;
use crate::import::Imported;
use crate::schema;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// The values of a file.
#[derive(Default)]
pub(super) struct Values {
    /// Each value as a text, by its name.
    pub(super) vars: BTreeMap<String, String>,
    /// The names of lists and tables.
    pub(super) structured: BTreeSet<String>,
}

impl Values {
    /// The table of the file that a name is in, if it is within one.
    pub(super) fn table_of<'n>(&'n self, name: &'n str) -> Option<&'n str> {
        self.structured.iter().map(String::as_str).find(|table| {
            name.strip_prefix(*table).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }
}

/// The values of a file; `None` if there is no such file yet.
pub(super) fn read(path: &Path) -> Result<Option<Values>, Failure> {
    let failed = |error: String| {
        Failure::new(Exit::Usage, format!("cannot read the values of {}", path.display()))
            .cause(error)
            .hint(
                "write lines such as \"NAME\" = \"VALUE\"; lists and tables are written as in TOML",
            )
    };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error.to_string())),
    };
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| failed(error.to_string()))?;
    let mut values = Values::default();
    for (name, value) in table {
        add(&mut values, name, &value).map_err(failed)?;
    }
    Ok(Some(values))
}

/// Adds a value: a single one as its text, a list as an expression of Terraform, and a table both as one
/// and as the values of all dotted names in it.
fn add(values: &mut Values, name: String, value: &toml::Value) -> Result<(), String> {
    let text = match value {
        toml::Value::String(text) if text.is_empty() => {
            return Err(format!(
                "`{name}` has no value: write one, or leave the line out and give --var {}",
                word(&format!("{name}="))
            ));
        }
        toml::Value::String(text) => text.clone(),
        value => expression(value)?,
    };
    if let toml::Value::Table(all) = value {
        for (key, inner) in all {
            // What is empty in a table is a value of it, but no value by itself.
            if inner.as_str() != Some("") {
                add(values, format!("{name}.{key}"), inner)?;
            }
        }
    }
    if matches!(value, toml::Value::Array(_) | toml::Value::Table(_)) {
        values.structured.insert(name.clone());
    }
    values.vars.insert(name, text);
    Ok(())
}

/// A value as an expression of Terraform.
fn expression(value: &toml::Value) -> Result<String, String> {
    let quoted = |text: &str| {
        let text = serde_json::Value::from(text).to_string();
        text.replace("${", "$${").replace("%{", "%%{")
    };
    Ok(match value {
        toml::Value::String(text) => quoted(text),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(truth) => truth.to_string(),
        toml::Value::Datetime(time) => {
            return Err(format!("`{time}` is no value: put it in quotes"));
        }
        toml::Value::Array(items) => {
            let items: Vec<String> = items.iter().map(expression).collect::<Result<_, _>>()?;
            format!("[{}]", items.join(", "))
        }
        toml::Value::Table(all) => {
            let pair = |(key, value): (&String, &toml::Value)| -> Result<String, String> {
                Ok(format!("{} = {}", quoted(key), expression(value)?))
            };
            let all: Vec<String> = all.iter().map(pair).collect::<Result<_, _>>()?;
            format!("{{ {} }}", all.join(", "))
        }
    })
}

/// Writes a template: every variable without a value, as a comment, under the places that ask for it.
pub(super) fn write(path: &Path, imported: &Imported) -> Result<(), Failure> {
    let mut text = String::from(
        "# Values for `meshctl import --values`. Remove the `#` before a name and write its value.\n",
    );
    for missing in &imported.missing {
        text.push('\n');
        let mut lines: Vec<String> = Vec::new();
        for place in missing.places.iter().map(|loc| imported.files.show_line(*loc)) {
            if !lines.contains(&place) {
                let _ = writeln!(text, "# {place}");
                lines.push(place);
            }
        }
        let _ = writeln!(text, "# {} = \"\"", schema::quoted(&missing.name));
        if !missing.keys.is_empty() {
            text.push_str("# A value for one of the files alone:\n");
        }
        for key in &missing.keys {
            let _ = writeln!(text, "# {} = \"\"", schema::quoted(key));
        }
    }
    fs::write(path, text).map_err(|error| Failure::unwritten(path, &error))
}
