//! Functions that read files: of the sources, and of no other file of the machine.

use super::eval::{Env, World, bad};
use super::value::{Evaluated, Val};
use crate::import::context::Cx;
use crate::import::{kustomize, vars, yaml};
use crate::span::{FileId, Loc};
use hcl_edit::template::Template;

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
            ("templatefile", [_, Val::Map(given)]) => {
                let file = self.source_file(env, &text)?;
                let text = self.files.get(file).text();
                let template: Template = match text.parse() {
                    Ok(template) => template,
                    Err(error) => return Some(bad(place, format!("templatefile: {error}"))),
                };
                let vars =
                    given.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
                let env = Env { file, vars, each: None, ..env.clone() };
                Some(self.template(cx, &env, template.iter(), place))
            }
            ("yamldecode", [_]) => Some(match yaml::parse(env.file, &text) {
                Ok(nodes) => match nodes.as_slice() {
                    [] => Ok(Val::Null),
                    [one] => Ok(Val::of(&vars::restored(one))),
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
