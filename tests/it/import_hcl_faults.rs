//! HCL: what evaluation must not conclude, lose or run into.

use crate::import_hcl::{clean, host, read, read_with, said};
use serde_json::json;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// What is said of a node whose host is an expression, with `[losses]` in front.
fn given(expression: &str, declarations: &str) -> (usize, String) {
    let imported = read(&[("main.tf", host(expression, declarations))]);
    (imported.losses(), said(&imported))
}

#[test]
fn projects_of_300_services_in_one_variable_are_within_the_limits() {
    let mut services = String::new();
    for at in 0..300 {
        let _ = writeln!(services, "    s{at} = {{ port = {}, path = \"/s{at}\" }}", 8000 + at);
    }
    let each = |ty: &str, rest: &str| {
        format!(
            "resource \"aws_appmesh_{ty}\" \"x\" {{\n  for_each = var.s\n  mesh_name = aws_appmesh_mesh.m.id\n{rest}}}\n"
        )
    };
    let main = format!(
        "resource \"aws_appmesh_mesh\" \"m\" {{ name = \"shop\" }}\nvariable \"s\" {{\n  default = {{\n{services}  }}\n}}\n{}{}{}{}",
        each(
            "virtual_node",
            "  name = each.key\n  spec {\n    listener {\n      port_mapping {\n        port = var.s[each.key].port\n        protocol = \"http\"\n      }\n    }\n    service_discovery {\n      dns {\n        hostname = \"${each.key}.local\"\n      }\n    }\n  }\n"
        ),
        each(
            "virtual_service",
            "  name = \"${each.key}.local\"\n  spec {\n    provider {\n      virtual_router {\n        virtual_router_name = aws_appmesh_virtual_router.x[each.key].name\n      }\n    }\n  }\n"
        ),
        each(
            "virtual_router",
            "  name = \"${each.key}-router\"\n  spec {\n    listener {\n      port_mapping {\n        port = 80\n        protocol = \"http\"\n      }\n    }\n  }\n"
        ),
        each(
            "route",
            "  name = \"all\"\n  virtual_router_name = aws_appmesh_virtual_router.x[each.key].name\n  spec {\n    http_route {\n      match {\n        prefix = each.value.path\n      }\n      action {\n        weighted_target {\n          virtual_node = aws_appmesh_virtual_node.x[each.key].name\n          weight = 1\n        }\n      }\n    }\n  }\n"
        )
    );
    let start = Instant::now();
    let mesh = clean(&[("main.tf", main)]);
    assert_eq!(mesh.matches("[virtual_node.").count(), 300);
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn a_value_for_one_file_is_not_kept_for_others() {
    let node = |name: &str| {
        host("\"${var.x}.local\"", "")
            .replace("\"n\"", &format!("\"{name}\""))
            .replace("resource \"aws_appmesh_mesh\" \"m\" { name = \"shop\" }", "")
            .replace("aws_appmesh_mesh.m.id", "\"shop\"")
    };
    let files = [
        ("a.tf", node("a")),
        ("b.tf", node("b")),
        ("v.tf", "variable \"x\" { default = \"d\" }\n".to_owned()),
    ];
    let text = read_with(&files, &[("a.tf:x", "own"), ("mesh", "shop")]).text;
    assert!(text.contains("\"own.local\"") && text.contains("\"d.local\""), "{text}");
}

#[test]
fn try_hides_no_limit_and_nothing_that_is_not_computed() {
    let (losses, text) = given("try(md5(\"a\"), \"fallback\")", "");
    assert!(losses == 1 && !text.contains("dns = \"fallback\""), "{text}");
    let (losses, text) = given("try(replace(\"é-v1\", \"/-v[0-9]+$/\", \"\"), \"fallback\")", "");
    assert!(losses == 1 && !text.contains("dns = \"fallback\""), "{text}");
    let chain: String = (1..120).map(|n| format!("  l{n} = \"${{local.l{}}}\"\n", n - 1)).collect();
    let locals = format!("locals {{\n  l0 = \"x\"\n{chain}}}");
    for expression in ["try(local.l119, \"fallback\")", "can(local.l119) ? \"a\" : \"b\""] {
        let (_, text) = given(expression, &locals);
        assert!(text.contains("MC1119") && text.contains("nested too deep"), "{text}");
    }
    let (_, text) = given("try(range(0, 100000)[0], \"fallback\")", "");
    assert!(text.contains("MC1119") && text.contains("more than 10000 items"), "{text}");
    let (_, text) = given("can(aws_lb.x.dns_name) ? \"a\" : \"b\"", "");
    assert!(text.contains("unset-aws_lb-x-dns_name"), "{text}");
    // A mistake is what it is for.
    let (_, text) = given("try(lower([]), \"a\")", "");
    assert!(text.contains("dns = \"a\""), "{text}");
}

#[test]
fn what_is_not_known_is_not_lost_within_arguments() {
    for (expression, expected) in [
        ("jsonencode({ lb = aws_lb.x.arn })", "unset-aws_lb-x-arn"),
        ("join(\"\", compact([aws_lb.x.arn, \"\"]))", "unset-aws_lb-x-arn"),
        ("contains([aws_lb.x.arn], \"a\") ? \"a\" : \"b\"", "unset-aws_lb-x-arn"),
        ("tostring(length(\"${aws_lb.x.arn}\"))", "unset-aws_lb-x-arn"),
        ("lookup({ a = \"x\" }, \"${aws_lb.x.arn}\", \"y\")", "unset-aws_lb-x-arn"),
        ("coalesce(\"\", aws_lb.x.arn, \"y\")", "unset-aws_lb-x-arn"),
    ] {
        let (losses, text) = given(expression, "");
        assert!(losses == 1 && text.contains(expected), "{expression}: {losses}\n{text}");
    }
    // Functions that only move values know what they are given.
    for expression in [
        "flatten([[\"a\"], [aws_lb.x.arn]])[0]",
        "merge({ a = aws_lb.x.arn }, { b = \"a\" }).b",
        "lookup({ a = \"a\", b = aws_lb.x.arn }, \"a\", \"y\")",
        "coalesce(\"a\", aws_lb.x.arn)",
        "keys({ a = aws_lb.x.arn })[0]",
    ] {
        let (losses, text) = given(expression, "");
        assert!(losses == 0 && text.contains("dns = \"a\""), "{expression}: {losses}\n{text}");
    }
    // `unset-` in a text that somebody wrote is a text.
    let (losses, text) = given("lower(\"UNSET-a\") == \"unset-a\" ? \"unset-a\" : \"b\"", "");
    assert!(losses == 0 && text.contains("dns = \"unset-a\""), "{text}");
}

#[test]
fn templates_strip_white_space_where_their_marks_say_so() {
    for (expression, expected) in [
        ("\"a%{ if true ~}  b  %{~ endif }c\"", "abc"),
        ("\"a  %{~ if false }b%{ else ~}  c  %{~ endif ~}  d\"", "acd"),
        ("\"a%{ if true }b %{~ else }x%{ endif }c\"", "abc"),
        ("\"%{ for s in [\"a\", \"b\"] ~}  ${s}  %{~ endfor ~}  c\"", "abc"),
        ("\"a  ${~ \"b\" ~}  c\"", "abc"),
        ("\"${\"a.\"}${~ \"b\"}\"", "a.b"),
    ] {
        let (losses, text) = given(expression, "");
        assert!(
            losses == 0 && text.contains(&format!("dns = \"{expected}\"")),
            "{expression}:\n{text}"
        );
    }
    for expression in
        ["\"a%{ if aws_lb.x.up }b%{ endif }\"", "\"a%{ for s in aws_lb.x.all }b%{ endfor }\""]
    {
        let (losses, text) = given(expression, "");
        assert!(losses == 1 && text.contains("unset-aws_lb-x-"), "{expression}:\n{text}");
    }
}

#[test]
fn modules_that_call_each_other_end_with_an_error() {
    let calls: String =
        (0..6).map(|n| format!("module \"c{n}\" {{\n  source = \"./\"\n}}\n")).collect();
    let root = "module \"m\" {\n  source = \"./m\"\n}\n".to_owned();
    let start = Instant::now();
    let text = said(&read(&[("main.tf", root), ("m/main.tf", host("\"a\"", &calls))]));
    assert!(text.contains("MC1119 m/main.tf:") && text.contains("calls itself"), "{text}");
    // A folder that calls itself is nobody's root, and its resources are not lost.
    let own = host("\"a.local\"", "module \"c\" {\n  source = \"./\"\n}\n");
    let text = said(&read(&[("main.tf", own)]));
    assert!(text.contains("calls itself") && text.contains("MC1119 main.tf:"), "{text}");
    let text = said(&read(&[
        ("a/main.tf", host("\"a\"", "module \"b\" {\n  source = \"../b\"\n}\n")),
        ("b/main.tf", "module \"a\" {\n  source = \"../a\"\n}\n".to_owned()),
    ]));
    assert!(text.contains("calls itself"), "{text}");
    // Two calls a level are a thousand million instances at the thirtieth.
    let deep: Vec<(String, String)> = (0..30)
        .map(|n| {
            let call =
                |name: &str| format!("module \"{name}\" {{\n  source = \"../l{}\"\n}}\n", n + 1);
            let text = format!("{}{}", call("a"), call("b"));
            (format!("l{n}/main.tf"), if n == 29 { host("\"a\"", "") } else { text })
        })
        .collect();
    let deep: Vec<(&str, String)> =
        deep.iter().map(|(path, text)| (path.as_str(), text.clone())).collect();
    let text = said(&read(&deep));
    assert!(text.contains("10,000 instances"), "{text}");
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn a_plan_beside_files_says_what_it_does_not_know() {
    let plan = json!({ "format_version": "1.2", "planned_values": { "root_module": { "resources": [
        { "address": "aws_appmesh_mesh.m", "mode": "managed", "type": "aws_appmesh_mesh", "name": "m",
          "values": { "name": "shop", "spec": [] } },
        { "address": "aws_appmesh_virtual_node.n", "mode": "managed", "type": "aws_appmesh_virtual_node",
          "name": "n", "values": { "name": "n", "mesh_name": "shop", "spec": [{
            "service_discovery": [{ "dns": [{}] }] }] } },
    ] } }, "resource_changes": [
        { "address": "aws_appmesh_virtual_node.n", "change": { "after_unknown": { "spec": [{
            "service_discovery": [{ "dns": [{ "hostname": true }] }] }] } } },
    ] });
    let alone = read(&[("plan.json", plan.to_string())]);
    let main = host("aws_lb.x.dns_name", "resource \"aws_lb\" \"x\" {}");
    let both = read(&[("main.tf", main), ("plan.json", plan.to_string())]);
    for imported in [alone, both] {
        let text = said(&imported);
        assert!(!imported.diagnostics.has_errors() && imported.losses() == 1, "{text}");
        assert!(imported.text.contains("dns = \"unset-aws_"), "{text}");
    }
}

#[test]
fn values_for_one_file_reach_its_counts() {
    let main = host("\"a\"", "variable \"n\" { default = 1 }\n").replace(
        "  mesh_name = aws_appmesh_mesh.m.id",
        "  count = var.n\n  mesh_name = aws_appmesh_mesh.m.id",
    );
    let main = main.replace("  name = \"n\"\n", "  name = \"n${count.index}\"\n");
    let imported = read_with(&[("main.tf", main)], &[("main.tf:n", "2")]);
    assert!(imported.unused.is_empty(), "{:?}", imported.unused);
    assert!(imported.text.contains("virtual_node.n1"), "{}", said(&imported));
}

#[test]
fn one_block_of_a_resource_is_evaluated_alone() {
    let other = "resource \"aws_thing\" \"x\" {\n  cfg {\n    port = \"a\"\n  }\n  dynamic \"more\" {\n    for_each = [\"b\"]\n    content {\n      word = more.value\n    }\n  }\n  secret {\n    value = aws_foo.bar.secret\n  }\n}\n";
    for (expression, expected) in
        [("aws_thing.x.cfg[0].port", "a"), ("aws_thing.x.more[0].word", "b")]
    {
        let (losses, text) = given(expression, other);
        assert!(losses == 0 && text.contains(&format!("dns = \"{expected}\"")), "{text}");
        assert!(!text.contains("aws_foo.bar.secret"), "{text}");
    }
}

#[test]
fn a_module_whose_name_begins_alike_is_another() {
    let call = |name: &str| {
        format!("module \"{name}\" {{\n  source = \"git::https://example.com/appmesh\"\n}}\n")
    };
    let state = json!({ "version": 4, "terraform_version": "1.5.7", "resources": [
        { "module": "module.mesh_other", "mode": "managed", "type": "aws_appmesh_virtual_node", "name": "n",
          "instances": [{ "attributes": { "name": "o", "mesh_name": "shop", "spec": [] } }] },
    ] });
    let files = [
        ("main.tf", host("\"a\"", &format!("{}{}", call("mesh"), call("mesh_other")))),
        ("terraform.tfstate", state.to_string()),
    ];
    let imported = read(&files);
    let text = said(&imported);
    assert!(text.contains("generator main.tf:") && imported.losses() == 1, "{text}");
    assert!(text.contains("files of the module `mesh` are not among"), "{text}");
}

#[test]
fn a_file_of_terraform_that_cannot_be_read_is_reported() {
    let files = [
        ("main.tf", host("local.x", "locals { x = \"a\" }")),
        ("broken.tf", "locals {\n  y = \n".to_owned()),
    ];
    let text = said(&read(&files));
    assert!(text.contains("broken.tf:1") && text.contains("cannot be read"), "{text}");
}

#[test]
fn regular_expressions_are_replaced_as_terraform_does_it() {
    for (expression, expected) in [
        ("replace(\"cart-v1\", \"/-v[0-9]+$/\", \"\")", "cart"),
        ("replace(\"a-b\", \"/(\\\\w)-(\\\\w)/\", \"$2.$1\")", "b.a"),
        ("replace(\"a/b\", \"/\", \".\")", "a.b"),
        ("regex(\"[a-z]+\", \"12ab\")", "ab"),
        ("regex(\"(?P<x>[a-z])-\", \"1a-b\").x", "a"),
        ("join(\".\", regexall(\"[a-z]\", \"a1b\"))", "a.b"),
        ("try(regex(\"x\", \"a\"), \"b\")", "b"),
    ] {
        let (losses, text) = given(expression, "");
        assert!(
            losses == 0 && text.contains(&format!("dns = \"{expected}\"")),
            "{expression}:\n{text}"
        );
    }
}

#[test]
fn files_of_the_sources_can_be_read_and_no_others() {
    let read_all = |expression: &str, main: &str| {
        let files = [
            ("root/main.tf", host(expression, main)),
            ("root/values.yaml", "host: a.local\nports: [80]\n".to_owned()),
            ("root/host.tpl", "%{ for p in parts ~}\n${p}.\n%{~ endfor ~}\nlocal".to_owned()),
        ];
        let imported = read(&files);
        assert!(!imported.diagnostics.has_errors(), "{}", said(&imported));
        (imported.losses(), said(&imported))
    };
    for (expression, expected) in [
        ("yamldecode(file(\"values.yaml\")).host", "a.local"),
        ("yamldecode(file(\"${path.module}/values.yaml\")).ports[0] == 80 ? \"a\" : \"b\"", "a"),
        ("templatefile(\"./host.tpl\", { parts = [\"a\", \"b\"] })", "a.b.local"),
    ] {
        let (losses, text) = read_all(expression, "");
        let dns = format!("dns = \"{expected}\"");
        assert!(losses == 0 && text.contains(&dns), "{expression}: {losses}\n{text}");
    }
    for expression in ["file(\"/etc/hostname\")", "file(\"../../etc/hostname\")", "file(\"none\")"]
    {
        let (losses, text) = read_all(expression, "");
        assert!(losses == 1 && text.contains("unset-file"), "{expression}: {losses}\n{text}");
    }
    // The path of a module is the way to it from the root.
    let module = host("\"x.${yamldecode(file(\"${path.module}/v.yaml\")).host}\"", "");
    let files = [
        ("root/main.tf", "module \"m\" {\n  source = \"../m\"\n}\n".to_owned()),
        ("m/main.tf", module),
        ("m/v.yaml", "host: b.local\n".to_owned()),
    ];
    assert!(clean(&files).contains("dns = \"x.b.local\""));
}

#[test]
fn dynamic_blocks_of_json_syntax_are_read() {
    let main = json!({
        "variable": { "calls": { "default": ["a.local", "b.local"] } },
        "resource": { "aws_appmesh_virtual_node": { "n": { "name": "n", "mesh_name": "shop", "spec": {
            "dynamic": { "backend": { "for_each": "${toset(var.calls)}", "iterator": "one", "content": {
                "virtual_service": { "virtual_service_name": "${one.value}" } } } },
            "listener": [{ "port_mapping": { "port": 80, "protocol": "http" },
                "dynamic": [{ "timeout": [{ "for_each": [3], "content": { "http": { "idle": {
                    "unit": "s", "value": "${timeout.value}" } } } }] }] }],
            "service_discovery": { "dns": { "hostname": "n.local" } } } } } },
    });
    let mesh = clean(&[("main.tf.json", main.to_string())]);
    assert!(mesh.contains("\"a.local\"") && mesh.contains("\"b.local\""), "{mesh}");
    assert!(mesh.contains("idle = \"3s\"") && mesh.contains("dns = \"n.local\""), "{mesh}");
}
