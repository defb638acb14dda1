//! The files of one proxy, as Envoy watches them: `lds.yaml`, `cds.yaml`, and one file for each
//! route configuration, endpoint assignment and secret (Envoy takes only one of these a file).

use super::names;
use super::resource::{ProxyConfig, Resource, ResourceType, version_of};
use envoy_api::{Any, Json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The files by their paths relative to the proxy's folder. Equal content has equal bytes, and
/// `version_info` changes with the content only.
pub fn files(config: &ProxyConfig) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for kind in ResourceType::ALL {
        let resources: Vec<&Arc<Resource>> = config.of(kind).collect();
        if kind.one_per_file() {
            for resource in resources {
                let text = response(kind, &resource.version, &[resource]);
                files.insert(names::file(kind, &resource.name), text);
            }
        } else {
            let version = set_version(&resources);
            files.insert(names::file(kind, ""), response(kind, &version, &resources));
        }
    }
    files
}

/// The version of a whole set, as Envoy reports it for listeners and clusters.
pub fn version(config: &ProxyConfig, kind: ResourceType) -> String {
    set_version(&config.of(kind).collect::<Vec<_>>())
}

fn set_version(resources: &[&Arc<Resource>]) -> String {
    let parts: Vec<String> =
        resources.iter().map(|r| format!("{}={}\n", r.name, r.version)).collect();
    version_of(&Any { type_url: String::new(), value: parts.concat().into_bytes() })
}

fn response(kind: ResourceType, version: &str, resources: &[&Arc<Resource>]) -> String {
    let text = |text: &str| Json::String(text.to_owned());
    Json::Object(vec![
        ("version_info".to_owned(), text(version)),
        ("type_url".to_owned(), text(kind.type_url())),
        ("resources".to_owned(), Json::Array(resources.iter().map(|r| r.to_json()).collect())),
    ])
    .to_yaml()
}
