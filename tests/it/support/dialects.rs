//! App Mesh's API JSON, rewritten into each of the other formats as their tools write them.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A key of the API in CloudFormation's spelling.
fn pascal(key: &str) -> String {
    match key {
        "tls" | "acm" | "sds" | "dns" | "grpc" | "http" | "http2" | "tcp" => key.to_uppercase(),
        "awsCloudMap" => "AWSCloudMap".to_owned(),
        _ => key[..1].to_uppercase() + &key[1..],
    }
}

/// A key of the API in Terraform's spelling; blocks that repeat have singular names.
fn snake(key: &str, list: bool) -> String {
    let mut out = String::new();
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    if list { out.trim_end_matches('s').to_owned() } else { out }
}

fn renamed(value: &Value, name: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Object(map) => {
            map.iter().map(|(key, value)| (name(key), renamed(value, name))).collect()
        }
        Value::Array(items) => items.iter().map(|item| renamed(item, name)).collect(),
        other => other.clone(),
    }
}

/// The names of the kinds, by the field that has the name.
const KINDS: [(&str, &str, &str); 7] = [
    ("gatewayRouteName", "GatewayRoute", "gateway_route"),
    ("routeName", "Route", "route"),
    ("virtualNodeName", "VirtualNode", "virtual_node"),
    ("virtualServiceName", "VirtualService", "virtual_service"),
    ("virtualRouterName", "VirtualRouter", "virtual_router"),
    ("virtualGatewayName", "VirtualGateway", "virtual_gateway"),
    ("meshName", "Mesh", "mesh"),
];

fn kind(resource: &Value) -> (&'static str, &'static str, &'static str) {
    *KINDS.iter().find(|(name, _, _)| resource.get(name).is_some()).unwrap()
}

/// A template, as YAML would say it in JSON.
pub(crate) fn cloudformation(resources: &[Value]) -> String {
    let one = |(at, resource): (usize, &Value)| {
        let (_, kind, _) = kind(resource);
        let properties = renamed(resource, &pascal);
        let body = json!({ "Type": format!("AWS::AppMesh::{kind}"), "Properties": properties });
        (format!("R{at}"), body)
    };
    let all: Map<String, Value> = resources.iter().enumerate().map(one).collect();
    format!("{:#}", json!({ "Resources": all }))
}

/// Blocks are lists, lists have singular names, and what is not set is null.
fn blocks(value: &Value) -> Value {
    let Value::Object(map) = value else { return value.clone() };
    let entry = |(key, value): (&String, &Value)| match (key.as_str(), value) {
        ("attributes", Value::Array(pairs)) => {
            let table: Map<String, Value> = pairs
                .iter()
                .map(|pair| (pair["key"].as_str().unwrap().to_owned(), pair["value"].clone()))
                .collect();
            (key.clone(), Value::Object(table))
        }
        (_, Value::Array(items)) if items.iter().all(Value::is_object) => {
            (snake(key, true), items.iter().map(blocks).collect())
        }
        (_, Value::Object(_)) => (snake(key, false), json!([blocks(value)])),
        _ => (snake(key, false), value.clone()),
    };
    let mut all: Map<String, Value> = map.iter().map(entry).collect();
    // Providers write every key of a block.
    if all.contains_key("healthy_threshold") || all.contains_key("weight") {
        all.entry("port").or_insert(json!(0));
    }
    if all.contains_key("prefix") && all.get("prefix").is_some_and(Value::is_string) {
        all.entry("path").or_insert(json!([]));
    }
    Value::Object(all)
}

/// What `terraform show -json` prints of a state.
pub(crate) fn terraform(resources: &[Value]) -> String {
    let one = |resource: &Value| {
        let (name_key, _, ty) = kind(resource);
        let mut values = json!({
            "name": resource[name_key],
            "spec": [blocks(&resource["spec"])],
            "arn": "arn:aws:appmesh:eu-west-1:111122223333:mesh/whole",
            "id": "x",
        });
        for (from, to) in [
            ("meshName", "mesh_name"),
            ("meshOwner", "mesh_owner"),
            ("virtualRouterName", "virtual_router_name"),
            ("virtualGatewayName", "virtual_gateway_name"),
        ] {
            if from != name_key
                && let Some(value) = resource.get(from)
            {
                values[to] = value.clone();
            }
        }
        let tags: Map<String, Value> = resource["tags"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|tag| (tag["key"].as_str().unwrap().to_owned(), tag["value"].clone()))
            .collect();
        values["tags"] = Value::Object(tags);
        json!({ "type": format!("aws_appmesh_{ty}"), "name": "x", "mode": "managed", "values": values })
    };
    let all: Vec<Value> = resources.iter().map(one).collect();
    let root = json!({ "resources": all[..1], "child_modules": [{ "resources": all[1..] }] });
    format!("{:#}", json!({ "format_version": "1.0", "values": { "root_module": root } }))
}

/// The same resources in HCL: what the JSON has as lists of objects are blocks.
pub(crate) fn hcl(resources: &[Value]) -> String {
    let shown: Value = serde_json::from_str(&terraform(resources)).unwrap();
    let root = &shown["values"]["root_module"];
    let of = |module: &Value| module["resources"].as_array().cloned().unwrap_or_default();
    let mut all = of(root);
    all.extend(of(&root["child_modules"][0]));
    let mut text = String::new();
    for (at, resource) in all.iter().enumerate() {
        text.push_str(&format!("resource {} \"r{at}\" {{\n", resource["type"]));
        body(resource["values"].as_object().unwrap(), &mut text);
        text.push_str("}\n");
    }
    text
}

fn body(values: &Map<String, Value>, text: &mut String) {
    for (key, value) in values {
        match value {
            Value::Array(items) if items.iter().all(Value::is_object) => {
                for item in items {
                    text.push_str(&format!("{key} {{\n"));
                    body(item.as_object().unwrap(), text);
                    text.push_str("}\n");
                }
            }
            // HCL's texts are JSON's, but for the starts of templates.
            value => {
                let value = value.to_string().replace("${", "$${").replace("%{", "%%{");
                text.push_str(&format!("{key} = {value}\n"));
            }
        }
    }
}

/// Names become references.
fn referring(value: &Value) -> Value {
    let Value::Object(map) = value else {
        return match value {
            Value::Array(items) => items.iter().map(referring).collect(),
            other => other.clone(),
        };
    };
    let reference = |name: &Value| json!({ "name": name.as_str().unwrap().replace('.', "-") });
    map.iter()
        .map(|(key, value)| match key.as_str() {
            "virtualServiceName" => ("virtualServiceRef".to_owned(), reference(value)),
            "virtualNodeName" | "virtualNode" if value.is_string() => {
                ("virtualNodeRef".to_owned(), reference(value))
            }
            "virtualRouterName" => ("virtualRouterRef".to_owned(), reference(value)),
            _ => (key.clone(), referring(value)),
        })
        .collect()
}

/// Objects of v1beta2; the first object's controller has no tags.
pub(crate) fn kubernetes(resources: &[Value]) -> String {
    let mut routes: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for resource in resources.iter().filter(|r| r.get("routeName").is_some()) {
        let mut route = referring(&resource["spec"]);
        route["name"] = resource["routeName"].clone();
        let router = resource["virtualRouterName"].as_str().unwrap().to_owned();
        routes.entry(router).or_default().push(route);
    }
    let mut text = String::new();
    for resource in resources.iter().filter(|r| r.get("routeName").is_none()) {
        let (name_key, kind, _) = kind(resource);
        let name = resource[name_key].as_str().unwrap();
        let mut spec = referring(&resource["spec"]);
        spec["awsName"] = json!(name);
        match kind {
            "Mesh" => {
                if let Some(discovery) = spec.as_object_mut().unwrap().remove("serviceDiscovery") {
                    spec["meshServiceDiscovery"] = discovery;
                }
                spec["meshOwner"] = json!("111122223333");
            }
            "VirtualRouter" => spec["routes"] = json!(routes.remove(name).unwrap_or_default()),
            "GatewayRoute" => {
                spec["virtualGatewayRef"] = json!({ "name": resource["virtualGatewayName"] });
            }
            _ => {}
        }
        let object = json!({
            "apiVersion": "appmesh.k8s.aws/v1beta2",
            "kind": kind,
            "metadata": { "name": name.replace('.', "-"), "namespace": "ns" },
            "spec": spec,
        });
        text.push_str(&format!("---\n{object:#}\n"));
    }
    text
}
