//! `import --values`: a file of values for the variables of sources, and its template.

use super::{Exit, Failure};
use crate::import::Imported;
use crate::schema;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// The values of a file; `None` if there is no such file yet.
pub(super) fn read(path: &Path) -> Result<Option<BTreeMap<String, String>>, Failure> {
    let failed = |error: String| {
        Failure::new(Exit::Usage, format!("cannot read the values of {}", path.display()))
            .cause(error)
            .hint("write lines such as \"NAME\" = \"VALUE\"")
    };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error.to_string())),
    };
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| failed(error.to_string()))?;
    let mut values = BTreeMap::new();
    for (name, value) in table {
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Boolean(truth) => truth.to_string(),
            _ => return Err(failed(format!("`{name}` is not a single value"))),
        };
        values.insert(name, value);
    }
    Ok(Some(values))
}

/// Writes a template: every variable without a value, as a comment, under the place that asks for it.
pub(super) fn write(path: &Path, imported: &Imported) -> Result<(), Failure> {
    let mut text = String::from(
        "# Values for `meshctl import --values`. Remove the `#` before a name and write its value.\n",
    );
    for (name, loc) in &imported.missing {
        let place = imported.files.show_line(*loc);
        let _ = write!(text, "\n# {place}\n# {} = \"\"\n", schema::quoted(name));
    }
    fs::write(path, text).map_err(|error| Failure::unwritten(path, &error))
}
