//! HCL: each construct by itself, projects as files, as state and as both, and random projects that one
//! generator writes as HCL and as `terraform show -json`.

use crate::support::root;
use meshctl::import::{Content, Imported, Options, Source, import};
use meshctl::schema::write_mesh;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;

pub(crate) fn read_with(files: &[(&str, String)], vars: &[(&str, &str)]) -> Imported {
    let source = |(path, text): &(&str, String)| Source {
        path: (*path).to_owned(),
        content: Content::Text(text.clone()),
        named: false,
    };
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    import(files.iter().map(source).collect(), &Options { vars, ..Options::default() })
}

pub(crate) fn read(files: &[(&str, String)]) -> Imported {
    read_with(files, &[])
}

pub(crate) fn said(imported: &Imported) -> String {
    let mut text = imported.text.clone();
    for found in imported.diagnostics.clone().sorted() {
        let at = found.primary.as_ref().map(|label| imported.files.show(label.loc));
        let _ = writeln!(text, "{} {}: {}", found.code.id, at.unwrap_or_default(), found.message);
    }
    for entry in &imported.report {
        let at = imported.files.show(entry.loc);
        let _ =
            writeln!(text, "{} {at}: {}: {}", entry.reason.as_str(), entry.field, entry.message);
    }
    text
}

/// The mesh that sources make, without losses and errors.
#[track_caller]
pub(crate) fn clean(files: &[(&str, String)]) -> String {
    let imported = read(files);
    assert!(!imported.diagnostics.has_errors() && imported.losses() == 0, "{}", said(&imported));
    write_mesh(&imported.mesh)
}

/// A node whose host is an expression, beside other declarations.
pub(crate) fn host(expression: &str, declarations: &str) -> String {
    format!(
        "{declarations}\nresource \"aws_appmesh_mesh\" \"m\" {{ name = \"shop\" }}\n\
         resource \"aws_appmesh_virtual_node\" \"n\" {{\n  name = \"n\"\n  mesh_name = aws_appmesh_mesh.m.id\n  spec {{\n    \
         service_discovery {{\n      dns {{\n        hostname = {expression}\n      }}\n    }}\n  }}\n}}\n"
    )
}

/// Expressions, what they need, and the host that each gives.
const EXPRESSIONS: &[(&str, &str, &str)] = &[
    ("\"a.local\"", "", "a.local"),
    ("var.x", "variable \"x\" { default = \"a\" }", "a"),
    ("local.x", "locals { x = \"a\" }", "a"),
    ("local.x.y[0]", "locals { x = { y = [\"a\"] } }", "a"),
    ("local.x[\"y\"]", "locals { x = { y = \"a\" } }", "a"),
    ("\"x-${local.a}.${local.b}\"", "locals {\n  a = 1\n  b = true\n}", "x-1.true"),
    ("true ? \"a\" : \"b\"", "", "a"),
    (
        "var.n > 1 && !var.off ? \"a\" : \"b\"",
        "variable \"n\" { default = 2 }\nvariable \"off\" { default = false }",
        "a",
    ),
    ("format(\"%s-%03d-%v\", \"a\", 7, true)", "", "a-007-true"),
    ("join(\".\", [\"a\", \"b\"])", "", "a.b"),
    ("split(\"/\", \"a/b\")[1]", "", "b"),
    ("lookup({ a = \"x\" }, \"b\", \"y\")", "", "y"),
    ("merge({ a = \"x\" }, { a = \"y\" }).a", "", "y"),
    ("concat([\"a\"], [\"b\"])[1]", "", "b"),
    ("flatten([[\"a\"], [[\"b\"]]])[1]", "", "b"),
    ("tolist(toset([\"b\", \"a\", \"b\"]))[0]", "", "a"),
    ("try(local.x.none, \"a\")", "locals { x = {} }", "a"),
    ("can(local.x.none) ? \"a\" : \"b\"", "locals { x = {} }", "b"),
    ("coalesce(\"\", null, \"a\")", "", "a"),
    ("replace(\"a_b\", \"_\", \"-\")", "", "a-b"),
    ("lower(\"AB\")", "", "ab"),
    ("upper(\"ab\")", "", "AB"),
    ("trimspace(\" a \")", "", "a"),
    ("jsondecode(jsonencode({ a = \"x\" })).a", "", "x"),
    ("element([\"a\", \"b\"], 3)", "", "b"),
    ("keys({ b = 1, a = 2 })[0]", "", "a"),
    ("values({ b = \"x\", a = \"y\" })[0]", "", "y"),
    ("zipmap([\"a\"], [\"x\"]).a", "", "x"),
    ("[for s in [\"a\", \"b\"] : upper(s) if s != \"a\"][0]", "", "B"),
    ("{ for k, v in { a = \"x\" } : v => k }.x", "", "a"),
    ("(local.x[*].n)[1]", "locals { x = [{ n = \"a\" }, { n = \"b\" }] }", "b"),
    ("local.x.*.n[1]", "locals { x = [{ n = \"a\" }, { n = \"b\" }] }", "b"),
    ("join(\"\", local.x[*].n[0])", "locals { x = [{ n = [\"a\"] }, { n = [\"b\"] }] }", "ab"),
    ("\"%{ if true }a%{ else }b%{ endif }\"", "", "a"),
    ("\"%{ for s in [\"a\", \"b\"] }${s}%{ endfor }\"", "", "ab"),
    ("trimspace(<<-EOT\n      a\n    EOT\n  )", "", "a"),
    ("\"p${1 + 2 * 3}\"", "", "p7"),
    ("contains([\"a\"], \"a\") ? \"x\" : \"y\"", "", "x"),
    ("substr(\"abc\", 1, 1)", "", "b"),
    (
        "aws_appmesh_virtual_node.o[\"k\"].name",
        "resource \"aws_appmesh_virtual_node\" \"o\" {\n  for_each = { k = 1 }\n  name = \"o-${each.key}\"\n  mesh_name = \"shop\"\n  spec {}\n}",
        "o-k",
    ),
    (
        "aws_appmesh_virtual_node.o[1].name",
        "resource \"aws_appmesh_virtual_node\" \"o\" {\n  count = 2\n  name = \"o-${count.index}\"\n  mesh_name = \"shop\"\n  spec {}\n}",
        "o-1",
    ),
    (
        "join(\"-\", aws_appmesh_virtual_node.o[*].name)",
        "resource \"aws_appmesh_virtual_node\" \"o\" {\n  count = 2\n  name = \"o${count.index}\"\n  mesh_name = \"shop\"\n  spec {}\n}",
        "o0-o1",
    ),
];

#[test]
fn every_construct_gives_its_value() {
    for (expression, declarations, expected) in EXPRESSIONS {
        let imported = read(&[("main.tf", host(expression, declarations))]);
        assert!(!imported.diagnostics.has_errors(), "{expression}:\n{}", said(&imported));
        assert_eq!(imported.losses(), 0, "{expression}:\n{}", said(&imported));
        let node = write_mesh(&imported.mesh);
        assert!(node.contains(&format!("dns = \"{expected}\"")), "{expression}:\n{node}");
    }
}

#[test]
fn what_only_an_apply_tells_is_asked_for() {
    let text = host("aws_lb.x.dns_name", "resource \"aws_lb\" \"x\" {}");
    let imported = read(&[("main.tf", text.clone())]);
    assert_eq!(imported.losses(), 1, "{}", said(&imported));
    assert!(imported.text.contains("unset-aws_lb-x-dns_name"), "{}", imported.text);
    let imported = read_with(&[("main.tf", text)], &[("aws_lb.x.dns_name", "lb.local")]);
    assert_eq!(imported.losses(), 0, "{}", said(&imported));
    assert!(imported.text.contains("lb.local"));
    for expression in
        ["var.x", "file(\"host.txt\")", "data.aws_ssm_parameter.x.value", "\"a.${var.x}\""]
    {
        let imported = read(&[("main.tf", host(expression, "variable \"x\" {}"))]);
        assert!(!imported.diagnostics.has_errors(), "{}", said(&imported));
        assert_eq!(imported.losses(), 1, "{expression}: {}", said(&imported));
    }
}

#[test]
fn variables_come_from_defaults_files_and_flags_in_this_order() {
    let main = ("main.tf", host("var.x", "variable \"x\" { default = \"d\" }"));
    let tfvars = ("terraform.tfvars", "x = \"t\"\n".to_owned());
    let automatic = ("a.auto.tfvars.json", "{\"x\": \"a\"}".to_owned());
    let other = ("prod.tfvars", "x = \"p\"\n".to_owned());
    let given = |files: &[(&str, String)], vars: &[(&str, &str)]| {
        let imported = read_with(files, vars);
        assert_eq!(imported.losses(), 0, "{}", said(&imported));
        imported.text
    };
    assert!(given(std::slice::from_ref(&main), &[]).contains("\"d\""));
    assert!(given(&[main.clone(), tfvars.clone(), other], &[]).contains("\"t\""));
    assert!(given(&[main.clone(), automatic.clone(), tfvars.clone()], &[]).contains("\"a\""));
    assert!(given(&[main, tfvars, automatic], &[("x", "v")]).contains("\"v\""));
}

#[test]
fn mistakes_have_a_place_and_loops_end() {
    for (expression, declarations, word) in [
        ("local.none", "", "declares the local"),
        ("local.a", "locals {\n  a = local.b\n  b = local.a\n}", "refers to itself"),
        ("[1][3]", "", "the list has 1 items"),
        ("lower([])", "", "lower"),
        ("1 / 0", "", "division by zero"),
        ("range(1000000)[0]", "", "range"),
        ("self.x", "", "host"),
    ] {
        let imported = read(&[("main.tf", host(expression, declarations))]);
        let said = said(&imported);
        assert!(
            imported.diagnostics.has_errors() || imported.losses() > 0,
            "{expression}:\n{said}"
        );
        assert!(
            word == "host" || said.contains(word) && said.contains("MC1119 main.tf:"),
            "{said}"
        );
    }
    let deep = format!("{}1{}", "(".repeat(60), ")".repeat(60));
    read(&[("main.tf", host(&deep, ""))]);
    let doubled: String = (1..40)
        .map(|n| format!("  a{n} = \"${{local.a{}}}${{local.a{}}}\"\n", n - 1, n - 1))
        .collect();
    let imported =
        read(&[("main.tf", host("local.a39", &format!("locals {{\n  a0 = \"x\"\n{doubled}}}")))]);
    assert!(imported.diagnostics.has_errors(), "{}", said(&imported));
}

#[test]
fn text_of_terraform_show_and_json_syntax_are_read() {
    let show = "# aws_appmesh_mesh.m:\nresource \"aws_appmesh_mesh\" \"m\" {\n    arn  = \"x\"\n    name = \"shop\"\n}\n";
    assert!(clean(&[("show.txt", show.to_owned())]).contains("name = \"shop\""));
    let known = format!(
        "{show}  # aws_x.y:\n  + resource \"aws_x\" \"y\" {{\n      + id = (known after apply)\n    }}\n"
    );
    assert!(said(&read(&[("show.txt", known)])).contains("not HCL"));
    let json = r#"{"locals":{"d":"local"},"resource":{"aws_appmesh_mesh":{"m":{"name":"shop"}},
        "aws_appmesh_virtual_node":{"n":{"name":"n","mesh_name":"${aws_appmesh_mesh.m.name}",
        "spec":{"service_discovery":{"dns":{"hostname":"n.${local.d}"}}}}}}}"#;
    assert!(clean(&[("main.tf.json", json.to_owned())]).contains("n.local"));
}

/// A realistic project, and its state.
struct Project {
    files: Vec<(&'static str, String)>,
    state: Value,
}

fn instance(
    ty: &str,
    name: &str,
    module: Option<&str>,
    key: Option<Value>,
    attributes: Value,
) -> Value {
    let mut one = json!({ "mode": "managed", "type": ty, "name": name,
        "instances": [{ "schema_version": 0, "attributes": attributes }] });
    if let Some(module) = module {
        one["module"] = json!(module);
    }
    if let Some(key) = key {
        one["instances"][0]["index_key"] = key;
    }
    one
}

fn node_attributes(name: &str, port: u16, backends: &[&str]) -> Value {
    let backend = |name: &&str| json!({ "virtual_service": [{ "virtual_service_name": name, "client_policy": [] }] });
    json!({ "name": name, "mesh_name": "shop", "arn": "a", "id": "i", "spec": [{
        "backend": backends.iter().map(backend).collect::<Vec<_>>(),
        "listener": [{ "port_mapping": [{ "port": port, "protocol": "http" }], "tls": [], "timeout": [] }],
        "service_discovery": [{ "aws_cloud_map": [], "dns": [{ "hostname": format!("{name}.shop.local"), "response_type": "" }] }],
        "logging": [] }], "tags": null, "tags_all": {} })
}

fn service_attributes(host: &str, node: &str) -> Value {
    json!({ "name": host, "mesh_name": "shop", "spec": [{ "provider": [{
        "virtual_node": [{ "virtual_node_name": node }], "virtual_router": [] }] }] })
}

fn mesh_instance() -> Value {
    instance("aws_appmesh_mesh", "m", None, None, json!({ "name": "shop", "spec": [] }))
}

fn state(resources: &[Value]) -> Value {
    json!({ "version": 4, "terraform_version": "1.5.7", "outputs": {}, "resources": resources })
}

const NODE: &str = "  spec {\n    listener {\n      port_mapping {\n        port     = PORT\n        protocol = \"http\"\n      }\n    }\n    service_discovery {\n      dns {\n        hostname = HOST\n      }\n    }\n  }\n";

fn node_spec(port: &str, host: &str) -> String {
    NODE.replace("PORT", port).replace("HOST", host)
}

fn projects() -> Vec<Project> {
    let mesh = "resource \"aws_appmesh_mesh\" \"m\" {\n  name = var.mesh\n}\nvariable \"mesh\" { default = \"shop\" }\n";
    let flat = format!(
        "{mesh}locals {{ domain = \"shop.local\" }}\n\
         resource \"aws_appmesh_virtual_node\" \"cart\" {{\n  name = \"cart\"\n  mesh_name = aws_appmesh_mesh.m.name\n{}}}\n\
         resource \"aws_appmesh_virtual_service\" \"cart\" {{\n  name = \"cart.${{local.domain}}\"\n  mesh_name = aws_appmesh_mesh.m.id\n  \
         spec {{\n    provider {{\n      virtual_node {{\n        virtual_node_name = aws_appmesh_virtual_node.cart.name\n      }}\n    }}\n  }}\n}}\n",
        node_spec("8080", "\"cart.${local.domain}\"")
    );
    let module = format!(
        "variable \"name\" {{}}\nvariable \"mesh\" {{}}\nvariable \"port\" {{ default = 8080 }}\n\
         resource \"aws_appmesh_virtual_node\" \"this\" {{\n  name = var.name\n  mesh_name = var.mesh\n{}}}\n\
         output \"node\" {{ value = aws_appmesh_virtual_node.this.name }}\n",
        node_spec("var.port", "format(\"%s.shop.local\", var.name)")
    );
    let caller = format!(
        "{mesh}module \"cart\" {{\n  source = \"./node\"\n  name = \"cart\"\n  mesh = aws_appmesh_mesh.m.id\n}}\n\
         resource \"aws_appmesh_virtual_service\" \"cart\" {{\n  name = \"cart.shop.local\"\n  mesh_name = aws_appmesh_mesh.m.id\n  \
         spec {{\n    provider {{\n      virtual_node {{\n        virtual_node_name = module.cart.node\n      }}\n    }}\n  }}\n}}\n"
    );
    let looped = format!(
        "{mesh}variable \"nodes\" {{\n  default = {{\n    cart = {{ port = 8080, calls = [\"stock.shop.local\"] }}\n    stock = {{ port = 9090, calls = [] }}\n  }}\n}}\n\
         resource \"aws_appmesh_virtual_node\" \"n\" {{\n  for_each = var.nodes\n  name = each.key\n  mesh_name = aws_appmesh_mesh.m.id\n  spec {{\n    \
         dynamic \"backend\" {{\n      for_each = toset(each.value.calls)\n      content {{\n        virtual_service {{\n          virtual_service_name = backend.value\n        }}\n      }}\n    }}\n    \
         listener {{\n      port_mapping {{\n        port = each.value.port\n        protocol = \"http\"\n      }}\n    }}\n    \
         service_discovery {{\n      dns {{\n        hostname = \"${{each.key}}.shop.local\"\n      }}\n    }}\n  }}\n}}\n\
         resource \"aws_appmesh_virtual_service\" \"s\" {{\n  for_each = {{ for k, v in aws_appmesh_virtual_node.n : k => v.name if k == \"stock\" }}\n  \
         name = \"${{each.key}}.shop.local\"\n  mesh_name = aws_appmesh_mesh.m.id\n  spec {{\n    provider {{\n      virtual_node {{\n        virtual_node_name = each.value\n      }}\n    }}\n  }}\n}}\n"
    );
    let cart = |module, key| {
        instance(
            "aws_appmesh_virtual_node",
            "this",
            module,
            key,
            node_attributes("cart", 8080, &[]),
        )
    };
    let service = instance(
        "aws_appmesh_virtual_service",
        "cart",
        None,
        None,
        service_attributes("cart.shop.local", "cart"),
    );
    let mut flat_cart = cart(None, None);
    flat_cart["name"] = json!("cart");
    let keyed = |name: &str, port, calls: &[&str]| {
        instance(
            "aws_appmesh_virtual_node",
            "n",
            None,
            Some(json!(name)),
            node_attributes(name, port, calls),
        )
    };
    vec![
        Project {
            files: vec![("main.tf", flat)],
            state: state(&[mesh_instance(), flat_cart, service.clone()]),
        },
        Project {
            files: vec![("main.tf", caller), ("node/main.tf", module)],
            state: state(&[mesh_instance(), cart(Some("module.cart"), None), service]),
        },
        Project {
            files: vec![("main.tf", looped)],
            state: state(&[
                mesh_instance(),
                keyed("cart", 8080, &["stock.shop.local"]),
                keyed("stock", 9090, &[]),
                instance(
                    "aws_appmesh_virtual_service",
                    "s",
                    None,
                    Some(json!("stock")),
                    service_attributes("stock.shop.local", "stock"),
                ),
            ]),
        },
    ]
}

#[test]
fn files_state_and_both_mean_one_mesh() {
    for Project { files, state } in projects() {
        let from_files = clean(&files);
        let only = [("terraform.tfstate", state.to_string())];
        assert_eq!(from_files, clean(&only));
        let both: Vec<(&str, String)> = files.iter().cloned().chain(only).collect();
        assert_eq!(from_files, clean(&both));
    }
}

#[test]
fn a_state_decides_what_files_leave_open() {
    let text = host("aws_lb.x.dns_name", "resource \"aws_lb\" \"x\" {}");
    let lb = instance("aws_lb", "x", None, None, json!({ "dns_name": "lb.local" }));
    let files = [("main.tf", text), ("terraform.tfstate", state(&[lb]).to_string())];
    assert!(clean(&files).contains("dns = \"lb.local\""));
    // What the state alone has of the resource itself counts where an expression is not computed.
    let text = host("file(\"host.txt\")", "");
    let node = instance("aws_appmesh_virtual_node", "n", None, None, node_attributes("n", 80, &[]));
    let files =
        [("main.tf", text), ("terraform.tfstate", state(&[node, mesh_instance()]).to_string())];
    let imported = read(&files);
    assert_eq!(imported.losses(), 0, "{}", said(&imported));
    assert!(said(&imported).contains("values are those of the state"), "{}", said(&imported));
    assert!(imported.text.contains("n.shop.local"));
}

#[test]
fn modules_that_are_not_there_are_no_silent_loss() {
    let call = "module \"appmesh\" {\n  source = \"git::https://example.com/appmesh\"\n}\n";
    let imported = read(&[("main.tf", host("\"a\"", call))]);
    assert_eq!(imported.losses(), 1, "{}", said(&imported));
    assert!(said(&imported).contains("generator"), "{}", said(&imported));
    let call = "module \"vpc\" {\n  source = \"terraform-aws-modules/vpc/aws\"\n}\n";
    assert_eq!(read(&[("main.tf", host("\"a\"", call))]).losses(), 0);
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit
    }
}

/// One random project, as HCL and as what `terraform show -json` prints of it. One generator writes both.
fn random(seed: u64) -> (Vec<(&'static str, String)>, Value) {
    let mut dice = Dice(seed);
    let mut hcl = String::from(
        "resource \"aws_appmesh_mesh\" \"m\" {\n  name = \"shop\"\n}\nlocals {\n  domain = \"shop.local\"\n  base = 8000\n}\n",
    );
    let mut resources = vec![
        json!({ "address": "aws_appmesh_mesh.m", "mode": "managed", "type": "aws_appmesh_mesh", "name": "m", "values": { "name": "shop", "spec": [] } }),
    ];
    let mut shown = |ty: &str, address: String, values: Value| {
        resources.push(json!({ "address": address, "mode": "managed", "type": ty, "name": "x", "values": values }));
    };
    let spec = |port: &str, host: &str| node_spec(port, host);
    for at in 0..1 + dice.below(3) {
        let count = 1 + dice.below(3);
        let ty = "aws_appmesh_virtual_node";
        let port = |n: usize| (8000 + 10 * at + n) as u16;
        let names: Vec<String> = (0..count).map(|n| format!("n{at}-{n}")).collect();
        match dice.below(4) {
            0 => {
                let body = spec(
                    &format!("local.base + {} + count.index", 10 * at),
                    &format!("\"n{at}-${{count.index}}.${{local.domain}}\""),
                );
                let _ = writeln!(
                    hcl,
                    "resource \"{ty}\" \"n{at}\" {{\n  count = {count}\n  name = \"n{at}-${{count.index}}\"\n  mesh_name = aws_appmesh_mesh.m.id\n{body}}}"
                );
            }
            1 => {
                let all: Vec<String> = names
                    .iter()
                    .enumerate()
                    .map(|(n, name)| format!("\"{name}\" = {}", port(n)))
                    .collect();
                let body = spec("each.value", "join(\".\", [each.key, local.domain])");
                let _ = writeln!(
                    hcl,
                    "resource \"{ty}\" \"n{at}\" {{\n  for_each = {{ {} }}\n  name = each.key\n  mesh_name = \"shop\"\n{body}}}",
                    all.join(", ")
                );
            }
            2 => {
                for (n, name) in names.iter().enumerate() {
                    let body = spec(
                        &port(n).to_string(),
                        &format!("format(\"%s.%s\", \"{name}\", local.domain)"),
                    );
                    let _ = writeln!(
                        hcl,
                        "resource \"{ty}\" \"{name}\" {{\n  name = \"{name}\"\n  mesh_name = aws_appmesh_mesh.m.name\n{body}}}"
                    );
                }
            }
            _ => {
                let list: Vec<String> =
                    names.iter().map(|name| format!("\"{}\"", name.to_uppercase())).collect();
                let body = spec(
                    &format!("{} + index(local.l{at}, each.key)", port(0)),
                    "\"${lower(each.value)}.${local.domain}\"",
                );
                let _ = writeln!(
                    hcl,
                    "locals {{ l{at} = [{}] }}\nresource \"{ty}\" \"n{at}\" {{\n  for_each = toset(local.l{at})\n  name = lower(each.key)\n  mesh_name = \"shop\"\n{body}}}",
                    list.join(", ")
                );
            }
        }
        for (n, name) in names.iter().enumerate() {
            shown(ty, format!("{ty}.{name}"), node_attributes(name, port(n), &[]));
        }
        let router = format!("r{at}");
        let _ = writeln!(
            hcl,
            "resource \"aws_appmesh_virtual_router\" \"{router}\" {{\n  name = \"{router}\"\n  mesh_name = \"shop\"\n  spec {{\n    listener {{\n      port_mapping {{\n        port = 80\n        protocol = \"http\"\n      }}\n    }}\n  }}\n}}"
        );
        shown(
            "aws_appmesh_virtual_router",
            format!("r.{router}"),
            json!({ "name": router, "mesh_name": "shop", "spec": [{ "listener": [{ "port_mapping": [{ "port": 80, "protocol": "http" }] }] }] }),
        );
        let weights: Vec<usize> = names.iter().map(|_| 1 + dice.below(9)).collect();
        let pairs: Vec<String> = names
            .iter()
            .zip(&weights)
            .map(|(name, weight)| format!("\"{name}\" = {weight}"))
            .collect();
        let prefix = ["/", "/a", "/a/b"][dice.below(3)];
        let header = dice.below(2) == 0;
        let _ = writeln!(
            hcl,
            "resource \"aws_appmesh_route\" \"{router}\" {{\n  name = \"{router}-route\"\n  mesh_name = \"shop\"\n  virtual_router_name = aws_appmesh_virtual_router.{router}.name\n  spec {{\n    priority = {at}\n    http_route {{\n      match {{\n        prefix = \"{prefix}\"\n        \
             dynamic \"header\" {{\n          for_each = {header} ? {{ h = \"x\" }} : {{}}\n          content {{\n            name = header.key\n            match {{\n              exact = header.value\n            }}\n          }}\n        }}\n      }}\n      \
             action {{\n        dynamic \"weighted_target\" {{\n          for_each = {{ {} }}\n          iterator = target\n          content {{\n            virtual_node = target.key\n            weight = target.value\n          }}\n        }}\n      }}\n    }}\n  }}\n}}",
            pairs.join(", ")
        );
        let targets: Vec<Value> = names
            .iter()
            .zip(&weights)
            .map(|(name, weight)| json!({ "virtual_node": name, "weight": weight, "port": 0 }))
            .collect();
        let headers = if header {
            json!([{ "name": "h", "invert": false, "match": [{ "exact": "x" }] }])
        } else {
            json!([])
        };
        shown(
            "aws_appmesh_route",
            format!("route.{router}"),
            json!({ "name": format!("{router}-route"), "mesh_name": "shop", "virtual_router_name": router, "spec": [{ "priority": at, "http_route": [{ "match": [{ "prefix": prefix, "header": headers, "method": "" }], "action": [{ "weighted_target": targets }] }] }] }),
        );
    }
    (
        vec![("main.tf", hcl)],
        json!({ "format_version": "1.0", "values": { "root_module": { "resources": resources } } }),
    )
}

#[test]
fn random_projects_of_one_generator_mean_the_same_as_hcl_and_as_show_json() {
    for seed in 0..200 {
        let (files, shown) = random(seed);
        let from_files = clean(&files);
        let from_json = clean(&[("show.json", shown.to_string())]);
        assert_eq!(from_files, from_json, "seed {seed}:\n{}", files[0].1);
    }
}

#[test]
fn pairs_written_by_hand_mean_the_same() {
    let folder = root().join("tests/cases/import-pairs");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = |name: &str| fs::read_to_string(path.join(name)).unwrap();
        let from_files = clean(&[("main.tf", text("main.tf"))]);
        assert_eq!(from_files, clean(&[("api.json", text("api.json"))]), "{}", path.display());
        count += 1;
    }
    assert_eq!(count, 10);
}

#[test]
fn a_module_of_several_instances_is_a_map_of_their_outputs() {
    let module = format!(
        "variable \"name\" {{}}\nresource \"aws_appmesh_virtual_node\" \"n\" {{\n  name = var.name\n  mesh_name = \"shop\"\n{}}}\n\
         output \"node\" {{ value = aws_appmesh_virtual_node.n.name }}\noutput \"arn\" {{ value = \"x-${{aws_appmesh_virtual_node.n.arn}}\" }}\n",
        node_spec("80", "\"${var.name}.local\"")
    );
    let main = "resource \"aws_appmesh_mesh\" \"m\" { name = \"shop\" }\n\
        module \"n\" {\n  for_each = toset([\"a\", \"b\"])\n  source = \"./n\"\n  name = each.key\n}\n\
        resource \"aws_appmesh_virtual_service\" \"s\" {\n  for_each = module.n\n  name = \"${each.key}.local\"\n  mesh_name = \"shop\"\n  \
        spec {\n    provider {\n      virtual_node {\n        virtual_node_name = each.value.node\n      }\n    }\n  }\n}\n";
    let mesh = clean(&[("main.tf", main.to_owned()), ("n/main.tf", module)]);
    assert!(mesh.contains("[virtual_service.\"b.local\"]\nnode = \"b\""), "{mesh}");
}
