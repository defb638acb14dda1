//! How a client stands with every resource that it is to have.

use super::Session;
use super::view::View;
use crate::envoy::csds::{ResourceStatus, Standing};

impl Session {
    /// How the client stands with everything of its view, by type and name; also with what it has
    /// still to give up. What a proxy cannot ask for yet is left out, and so is a stream that has no view
    /// yet.
    pub fn standings(&self, view: &View) -> Vec<ResourceStatus> {
        let mut found = Vec::new();
        if !self.bound || !view.present() {
            return found;
        }
        for id in view.all() {
            let kind = view.kind(id);
            let topic = self.at(kind);
            let asked = !self.takes_all() || view.is_asked(id) || topic.wants(id);
            if !asked && !topic.have.contains_key(&id) {
                continue;
            }
            let (version, standing) = match view.content(id) {
                Some(content) => {
                    let version = content.version;
                    let refused = topic.refused.get(&id).filter(|one| one.version == version);
                    let standing = match refused {
                        Some(refused) => Standing::Refused(refused.class.clone()),
                        None if topic.acked(id) == version => Standing::Synced,
                        None if topic.sent(id) == version => Standing::Stale,
                        None => Standing::NotSent,
                    };
                    (version, standing)
                }
                None if topic.have.contains_key(&id) => (topic.acked(id), Standing::Stale),
                None => continue,
            };
            let (name, version) = (view.name(id).to_string(), version.to_string());
            found.push(ResourceStatus { kind, name, version, standing });
        }
        // Numbers of names tell when a name came, which is no order for anybody else.
        found.sort_unstable_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        found
    }
}
