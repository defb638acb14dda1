//! Functions that read files: of the sources, and of no other file of the machine.

use super::eval::{Env, World, bad};
use super::number::Num;
use super::value::{Evaluated, Val};
use crate::import::context::Cx;
use crate::import::tree::{Node, Value};
use crate::import::{kustomize, vars, yaml};
use crate::span::{FileId, Loc};
use hcl_edit::template::Template;
use num_bigint::BigInt;
use std::collections::BTreeMap;

impl<'m> World<'m> {
    /// What a function that reads files gives; `None` if it is no such function, or if the file is not
    /// among the sources.
    pub(super) fn reading(
        &self,
        cx: &mut Cx<'_>,
        env: &Env<'m>,
        name: &str,
        args: &[Val<'m>],
        place: Loc,
    ) -> Option<Evaluated<'m>> {
        let text = args.first().and_then(Val::text)?;
        match (name, args) {
            ("file", [_]) => {
                let file = self.source_file(env, &text)?;
                Some(Ok(Val::Str(self.files.get(file).text().to_string())))
            }
            ("templatefile", [_, Val::Map(_, given)]) => {
                let file = self.source_file(env, &text)?;
                let text = self.files.get(file).text();
                let template: Template = match text.parse() {
                    Ok(template) => template,
                    Err(error) => return Some(bad(place, format!("templatefile: {error}"))),
                };
                let vars =
                    given.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
                let env = Env { file, vars, each: None, ..env.clone() };
                Some(self.template(cx, &env, template.iter(), false, place))
            }
            ("yamldecode", [_]) => Some(match yaml::parse(env.file, &text) {
                Ok(nodes) => match nodes.as_slice() {
                    [] => bad(place, "yamldecode: the text is empty"),
                    [one] => match yaml_value(&text, one) {
                        Some(value) => Ok(value),
                        // A time, or a number without an end.
                        None => return None,
                    },
                    _ => bad(place, "yamldecode: the text has more than one document"),
                },
                Err(wrong) => bad(place, format!("yamldecode: {}", wrong.message)),
            }),
            _ => None,
        }
    }

    /// A file of the sources, by a path from the folder of the root module on. What has no text is not
    /// known: its content could not be read.
    fn source_file(&self, env: &Env<'m>, path: &str) -> Option<FileId> {
        let path = kustomize::joined(&env.root().folder, path);
        let found = self.files.iter().find(|(_, file)| file.path() == path);
        found.filter(|(_, file)| !file.text().is_empty()).map(|(id, _)| id)
    }
}

/// A value of YAML: what is not in quotes has the type that its text shows; `None` if Terraform would give
/// a time or something else that is not known here.
fn yaml_value<'m>(text: &str, node: &Node) -> Option<Val<'m>> {
    Some(match &node.value {
        Value::Null => Val::Null,
        Value::Scalar(scalar) => yaml_scalar(text, node.loc, scalar)?,
        Value::List(items) => {
            Val::tuple(items.iter().map(|item| yaml_value(text, item)).collect::<Option<_>>()?)
        }
        Value::Map(all) => {
            let mut found = BTreeMap::new();
            for entry in all {
                let key = yaml_scalar(text, entry.at, &entry.key)?.text()?;
                found.insert(key, yaml_value(text, &entry.node)?);
            }
            Val::object(found)
        }
    })
}

/// What a scalar of YAML is. Booleans are those of YAML 1.1.
fn yaml_scalar<'m>(text: &str, place: Loc, scalar: &str) -> Option<Val<'m>> {
    let (start, end) = (place.span.start as usize, place.span.end as usize);
    let plain = text.get(start..end).unwrap_or_default().trim() == scalar;
    // A tag or the mark of a block makes a text of it.
    let tagged = text.get(..start).is_some_and(|before| {
        let word = before.split_whitespace().next_back();
        word.is_some_and(|word| word.starts_with("!!") || word.starts_with(['|', '>']))
    });
    let scalar = vars::braces(scalar);
    if !plain || tagged {
        return Some(Val::Str(scalar));
    }
    Some(match scalar.as_str() {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => {
            Val::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            Val::Bool(false)
        }
        other => {
            let radix = [("0x", 16), ("0o", 8)].iter().find_map(|(prefix, radix)| {
                BigInt::parse_bytes(other.strip_prefix(prefix)?.as_bytes(), *radix)
            });
            let bare = other.trim_start_matches(['+', '-', '.']).to_ascii_lowercase();
            let digits = |c: char| c.is_ascii_digit();
            let dated = other.splitn(3, '-').count() == 3 && other.starts_with(digits);
            match radix.map(Num::whole).or_else(|| Num::parse(other)) {
                Some(number) => Val::Num(number),
                None if dated || bare == "inf" || bare == "nan" => return None,
                None => Val::Str(scalar),
            }
        }
    })
}

/// The way from one folder to another.
pub(super) fn way(from: &str, to: &str) -> String {
    let parts = |path: &str| -> Vec<String> {
        path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let (from, to) = (parts(from), parts(to));
    let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from[same..].iter().map(|_| "..".to_owned());
    let all: Vec<String> = up.chain(to[same..].iter().cloned()).collect();
    if all.is_empty() { ".".to_owned() } else { all.join("/") }
}

#[cfg(test)]
mod tests {
    use super::way;

    #[test]
    fn ways_lead_from_folder_to_folder() {
        assert_eq!(way("a", "a"), ".");
        assert_eq!(way("", "m/n"), "m/n");
        assert_eq!(way("a/b", "a/m"), "../m");
    }
}
