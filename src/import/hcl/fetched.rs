//! `.terraform/modules/modules.json`: where `terraform init` put the modules that it fetched.

use crate::import::json;
use crate::import::kustomize::joined;
use crate::import::tree::Node;
use crate::span::FileId;

/// The folders of modules, by what calls them.
#[derive(Default)]
pub(super) struct Fetched(Vec<List>);

/// The modules of one root module.
struct List {
    /// Each module's key, the names of the calls that lead to it joined by dots, and its folder.
    modules: Vec<(String, String)>,
}

impl Fetched {
    /// Adds a list. One that cannot be read says nothing, so that its modules are reported as missing.
    pub(super) fn add(&mut self, id: FileId, text: &str, path: &str) {
        let root = path.strip_suffix(".terraform/modules/modules.json").unwrap_or_default();
        let Ok(nodes) = json::parse(id, text) else { return };
        let all = nodes.first().and_then(|node| node.get("Modules")).map(Node::items);
        let module = |node: &Node| {
            let key = node.entry("Key")?.node.text().unwrap_or_default().to_owned();
            Some((key, joined(root, node.text_at("Dir")?)))
        };
        self.0.push(List { modules: all.unwrap_or_default().iter().filter_map(module).collect() });
    }

    /// The folder of the module that a call in another folder makes.
    pub(super) fn folder(&self, own: &str, call: &str) -> Option<String> {
        self.0.iter().find_map(|List { modules }| {
            let callers = modules.iter().filter(|(_, folder)| folder == own);
            callers.map(|(key, _)| key).find_map(|key| {
                let wanted = if key.is_empty() { call.to_owned() } else { format!("{key}.{call}") };
                modules.iter().find(|(key, _)| *key == wanted).map(|(_, folder)| folder.clone())
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::Loc;

    #[test]
    fn modules_are_found_by_the_calls_that_lead_to_them() {
        let mut fetched = Fetched::default();
        let text = r#"{"Modules":[{"Key":"","Source":"","Dir":"."},
            {"Key":"a","Source":"git::https://x","Dir":".terraform/modules/a/sub"},
            {"Key":"a.b","Source":"./b","Dir":".terraform/modules/a/sub/b"}]}"#;
        fetched.add(Loc::NOWHERE.file, text, "r/.terraform/modules/modules.json");
        let a = "r/.terraform/modules/a/sub";
        assert_eq!(fetched.folder("r", "a").as_deref(), Some(a));
        assert_eq!(fetched.folder(a, "b"), Some(format!("{a}/b")));
        assert_eq!(fetched.folder("r", "b"), None);
        assert_eq!(fetched.folder("x", "a"), None);
    }
}
