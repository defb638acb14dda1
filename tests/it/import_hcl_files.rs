//! HCL: types of variables, files that change others, JSON in its forms, and states that say something else.

use crate::import_hcl::{clean, host, read, read_with, said};
use crate::support::sandbox::Sandbox;

/// Declarations of variables, what is given for `x`, an expression, and the host that it gives; of what
/// Terraform rejects, a part of the error.
const VARIABLES: &[(&str, &str, &str, &str)] = &[
    (
        "type = map(object({ port = optional(number, 8080) }))",
        "{ cart = {} }",
        "var.x.cart.port",
        "8080",
    ),
    (
        "type = map(object({ port = optional(number, 8080) }))",
        "{ cart = {} }",
        "lookup(var.x.cart, \"port\", 80)",
        "8080",
    ),
    (
        "type = map(object({ port = optional(number, 8080) }))",
        "{ cart = { port = null } }",
        "var.x.cart.port",
        "8080",
    ),
    (
        "type = object({ name = string, port = optional(number) })",
        "{ name = \"a\", extra = 1 }",
        "var.x.port == null ? \"none\" : \"some\"",
        "none",
    ),
    (
        "type = object({ name = string })",
        "{ name = \"a\", extra = 1 }",
        "try(var.x.extra, \"dropped\")",
        "dropped",
    ),
    ("type = object({ name = string })", "{}", "var.x.name", "!the attribute `name` is missing"),
    (
        "type = object({ a = optional(object({ b = optional(string, \"deep\") }), {}) })",
        "{}",
        "var.x.a.b",
        "deep",
    ),
    (
        "type = list(object({ port = optional(number, 80) }))",
        "[{}, { port = \"81\" }]",
        "join(\"-\", var.x[*].port)",
        "80-81",
    ),
    ("type = set(string)", "[\"b\", \"a\", \"b\"]", "join(\"-\", var.x)", "a-b"),
    ("type = set(string)", "[\"b\", \"a\", \"b\"]", "join(\"-\", [for k, v in var.x : k])", "a-b"),
    ("type = set(number)", "[10, 9, \"9\"]", "join(\"-\", var.x)", "9-10"),
    (
        "type = map(string)",
        "{ http = 8080, on = true }",
        "var.x.http == \"8080\" && var.x.on == \"true\" ? \"text\" : \"other\"",
        "text",
    ),
    (
        "type = map(string)",
        "{ http = 8080 }",
        "join(\"-\", [for k, p in var.x : k if p == \"8080\"])",
        "http",
    ),
    ("type = number", "\"42\"", "var.x == 42 ? \"number\" : \"text\"", "number"),
    ("type = string", "1", "var.x == 1 ? \"number\" : \"text\"", "text"),
    ("type = bool", "\"true\"", "var.x == true ? \"bool\" : \"text\"", "bool"),
    (
        "type = tuple([string, number])",
        "[\"1\", \"2\"]",
        "var.x[1] == 2 ? \"number\" : \"text\"",
        "number",
    ),
    (
        "type = list(string)",
        "[1, true]",
        "jsonencode(var.x) == \"[\\\"1\\\",\\\"true\\\"]\" ? \"texts\" : \"other\"",
        "texts",
    ),
    ("type = list(any)", "[1, \"a\"]", "var.x[0] == \"1\" ? \"text\" : \"number\"", "text"),
    ("type = any", "[1, \"a\"]", "var.x[0] == 1 ? \"number\" : \"text\"", "number"),
    ("type = number", "\"a\"", "\"x${var.x}\"", "!var.x: a string is not a number"),
    ("type = list(string)", "\"a\"", "var.x[0]", "!var.x: a string is not a list"),
    ("type = bool", "1", "\"x${var.x}\"", "!var.x: a number is not a boolean"),
    ("type = \"string\"", "\"old\"", "var.x", "old"),
    ("type = \"list\"", "[\"old\"]", "var.x[0]", "old"),
    ("type = string\n  nullable = false\n  default = \"kept\"", "null", "var.x", "kept"),
    ("type = string\n  default = \"lost\"", "null", "var.x == null ? \"null\" : var.x", "null"),
];

#[test]
fn types_of_variables_convert_what_is_given() {
    for (declared, given, expression, expected) in VARIABLES {
        let variable = |default: &str| format!("variable \"x\" {{\n  {declared}\n{default}}}\n");
        let inner = host(expression, &variable(""));
        let mut ways = vec![
            vec![("main.tf", inner.clone()), ("terraform.tfvars", format!("x = {given}\n"))],
            vec![
                ("main.tf", format!("module \"m\" {{\n  source = \"./m\"\n  x = {given}\n}}\n")),
                ("m/main.tf", inner),
            ],
        ];
        if !declared.contains("default") {
            let default = format!("  default = {given}\n");
            ways.push(vec![("main.tf", host(expression, &variable(&default)))]);
        }
        for files in ways {
            let text = said(&read(&files));
            match expected.strip_prefix('!') {
                Some(error) => assert!(text.contains("MC1119") && text.contains(error), "{text}"),
                None => {
                    let text = clean(&files);
                    let wanted = format!("dns = \"{expected}\"");
                    assert!(text.contains(&wanted), "{declared} {given} {expression}:\n{text}");
                }
            }
        }
    }
}

#[test]
fn values_of_the_command_line_have_the_types_of_their_variables() {
    let text =
        |ty: &str, expression: &str| host(expression, &format!("variable \"x\" {{ {ty} }}\n"));
    for (ty, given, expression, expected) in [
        ("type = number", "5", "var.x == 5 ? \"number\" : \"text\"", "number"),
        ("type = string", "5", "var.x == 5 ? \"number\" : \"text\"", "text"),
        ("type = set(string)", "[\"b\",\"a\",\"b\"]", "join(\"-\", var.x)", "a-b"),
        ("type = map(number)", "{ a = \"1\" }", "var.x.a == 1 ? \"number\" : \"text\"", "number"),
        ("", "[\"a\"]", "var.x[0]", "a"),
        // Without a type, a text of a number may be either.
        ("", "5", "var.x == 5 && var.x == \"5\" ? \"either\" : \"one\"", "either"),
    ] {
        let imported = read_with(&[("main.tf", text(ty, expression))], &[("x", given)]);
        let text = said(&imported);
        assert!(
            text.contains(&format!("dns = \"{expected}\"")),
            "{ty} {given} {expression}:\n{text}"
        );
    }
}

/// A node of a name with a port.
fn node(name: &str, port: &str) -> String {
    format!(
        "resource \"aws_appmesh_virtual_node\" \"n\" {{\n  name = \"{name}\"\n  mesh_name = \"m\"\n  spec {{\n    \
         listener {{\n      port_mapping {{\n        port = {port}\n        protocol = \"http\"\n      }}\n    }}\n  }}\n}}\n"
    )
}

const MESH: &str = "resource \"aws_appmesh_mesh\" \"m\" { name = \"m\" }\n";

#[test]
fn files_override_and_replace_others_as_terraform_and_opentofu_do_it() {
    let base = format!(
        "{MESH}variable \"p\" {{\n  type = number\n  default = 80\n}}\nlocals {{\n  a = \"x\"\n  b = \"y\"\n}}\n{}",
        node("${local.a}-${local.b}", "var.p")
    );
    let over = "variable \"p\" { default = \"90\" }\nlocals { b = \"z\" }\n";
    let text = clean(&[("main.tf", base.clone()), ("x_override.tf", over.to_owned())]);
    assert!(text.contains("[virtual_node.x-z]") && text.contains("90"), "{text}");
    // An argument takes the place of one, a block that of all blocks of its kind.
    let over = "resource \"aws_appmesh_virtual_node\" \"n\" {\n  name = \"other\"\n}\n";
    let files =
        [("main.tf", base.clone()), ("a/x.tf", String::new()), ("override.tf", over.to_owned())];
    let text = clean(&files);
    assert!(text.contains("[virtual_node.other]") && text.contains("80"), "{text}");
    let over = node("last", "7000");
    let text = clean(&[("main.tf", base.clone()), ("x_override.tf", over)]);
    assert!(
        text.contains("[virtual_node.last]") && text.contains("7000") && !text.contains("80,"),
        "{text}"
    );
    // A mistake in a file that overrides has its place there.
    let over = "resource \"aws_appmesh_virtual_node\" \"n\" {\n  name = local.gone\n}\n";
    let text = said(&read(&[("main.tf", base.clone()), ("x_override.tf", over.to_owned())]));
    assert!(text.contains("MC1119 x_override.tf:2"), "{text}");
    // Two files that do not override still conflict.
    let text = said(&read(&[("main.tf", base), ("more.tf", node("n", "80"))]));
    assert!(text.contains("declared twice"), "{text}");
    let tofu = [
        ("main.tf", MESH.replace("\"m\" }", "\"from-tf\" }")),
        ("main.tofu", MESH.replace("\"m\" }", "\"from-tofu\" }")),
    ];
    let text = said(&read(&tofu));
    assert!(text.contains("from-tofu") && !text.contains("from-tf\""), "{text}");
    assert!(text.contains("OpenTofu reads main.tofu in its place"), "{text}");
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_file() {
    let text = clean(&[("main.tf", format!("\u{feff}{MESH}{}", node("n", "80")))]);
    assert!(text.contains("[virtual_node.n]"), "{text}");
    let text = clean(&[
        ("main.tf", format!("{MESH}variable \"p\" {{}}\n{}", node("n", "var.p"))),
        ("terraform.tfvars", "\u{feff}p = 81\n".to_owned()),
    ]);
    assert!(text.contains("81"), "{text}");
}

#[test]
fn json_syntax_means_the_same_in_each_of_its_forms() {
    let expected = clean(&[("main.tf", format!("{MESH}{}", node("n", "8080")))]);
    let mesh = "\"aws_appmesh_mesh\":{\"m\":{\"name\":\"m\"}}";
    let one = |wrap: &dyn Fn(&str) -> String| {
        let mapping = wrap("{\"port\":8080,\"protocol\":\"http\"}");
        let listener = wrap(&format!("{{\"port_mapping\":{mapping}}}"));
        let spec = wrap(&format!("{{\"listener\":{listener}}}"));
        let own = wrap(&format!(
            "{{\"//\":\"a remark\",\"name\":\"n\",\"mesh_name\":\"m\",\"spec\":{spec}}}"
        ));
        let named = wrap(&format!("{{\"n\":{own}}}"));
        format!(
            "{{\"resource\":{}}}",
            wrap(&format!("{{{mesh},\"aws_appmesh_virtual_node\":{named}}}"))
        )
    };
    for text in [one(&str::to_owned), one(&|text| format!("[{text}]"))] {
        assert_eq!(clean(&[("main.tf.json", text.clone())]), expected, "{text}");
    }
    // Numbers and booleans are no texts, and files of values have no templates.
    for (variable, expression, expected) in [
        ("{\"default\":1}", "var.x == 1 ? \"number\" : \"text\"", "number"),
        ("{\"default\":\"1\"}", "var.x == 1 ? \"number\" : \"text\"", "text"),
        ("{\"default\":true}", "var.x == true ? \"bool\" : \"text\"", "bool"),
        ("{\"type\":\"set(string)\",\"default\":[\"b\",\"a\",\"b\"]}", "join(\"-\", var.x)", "a-b"),
        ("{\"default\":{\"a\":2.50}}", "var.x.a == 2.5 ? \"number\" : \"text\"", "number"),
    ] {
        let json = format!("{{\"variable\":{{\"x\":{variable}}}}}");
        let text = clean(&[("main.tf", host(expression, "")), ("v.tf.json", json.clone())]);
        assert!(text.contains(&format!("dns = \"{expected}\"")), "{json} {expression}:\n{text}");
    }
    let text = clean(&[
        ("main.tf", host("replace(var.x, \"$\", \"s\")", "variable \"x\" {}")),
        ("terraform.tfvars.json", "{\"x\":\"a${b}c\"}".to_owned()),
    ]);
    assert!(text.contains("dns = \"as{b}c\""), "{text}");
}

#[test]
fn a_state_that_says_something_else_is_reported() {
    let files = format!("{MESH}{}", node("n", "9090"));
    let state = |port: &str, more: &str| {
        format!(
            "{{\"version\":4,\"terraform_version\":\"1.5.0\",\"resources\":[{{\"mode\":\"managed\",\"type\":\"aws_appmesh_virtual_node\",\"name\":\"n\",\
             \"instances\":[{{\"attributes\":{{\"name\":\"n\",\"mesh_name\":\"m\",\"id\":\"x\",\"tags\":{{}},\"spec\":[{{\"backend\":[],\"listener\":\
             [{{\"port_mapping\":[{{\"port\":{port},\"protocol\":\"http\"}}],\"timeout\":[]{more}}}]}}]}}}}]}}]}}"
        )
    };
    let both = |port: &str, more: &str| {
        let files = [("main.tf", files.clone()), ("terraform.tfstate", state(port, more))];
        let imported = read(&files);
        assert_eq!(imported.losses(), 0, "{}", said(&imported));
        said(&imported)
    };
    let text = both("8080", "");
    assert!(
        text.contains("9090")
            && text.contains("aws_appmesh_virtual_node.n.spec.listener.port_mapping.port"),
        "{text}"
    );
    assert!(text.contains("the files say `9090`, the state beside them says `8080`: the value of the files is used"), "{text}");
    let text = both("9090", "");
    assert!(!text.contains("the files say"), "{text}");
    let text = both("9090", ",\"health_check\":[{\"path\":\"/ping\"}]");
    assert!(
        text.contains("the files say nothing, the state beside them says [{path: `/ping`}]"),
        "{text}"
    );
}

#[test]
fn a_priority_of_zero_is_reported() {
    let route = |priority: &str| {
        format!(
            "{MESH}resource \"aws_appmesh_virtual_router\" \"r\" {{\n  name = \"r\"\n  mesh_name = \"m\"\n  spec {{\n    listener {{\n      \
             port_mapping {{\n        port = 80\n        protocol = \"http\"\n      }}\n    }}\n  }}\n}}\n{}\
             resource \"aws_appmesh_route\" \"a\" {{\n  name = \"a\"\n  mesh_name = \"m\"\n  virtual_router_name = \"r\"\n  spec {{\n    \
             priority = {priority}\n    http_route {{\n      match {{\n        prefix = \"/\"\n      }}\n      action {{\n        \
             weighted_target {{\n          virtual_node = \"n\"\n          weight = 1\n        }}\n      }}\n    }}\n  }}\n}}\n",
            node("n", "80")
        )
    };
    let zero = said(&read(&[("main.tf", route("0"))]));
    assert!(zero.contains("a priority of zero never reached App Mesh"), "{zero}");
    let one = said(&read(&[("main.tf", route("1"))]));
    assert!(!one.contains("never reached App Mesh") && one.contains("priority = 1"), "{one}");
}

#[test]
fn files_of_values_have_lists_tables_and_dotted_names() {
    let sandbox = Sandbox::new();
    let text = host(
        "\"${var.names[1]}.${var.zone.name}.${data.aws_lb.x.dns_name}.${aws_lb.y[\"k\"].tags.z}\"",
        "variable \"names\" { type = list(string) }\nvariable \"zone\" {}\n",
    );
    sandbox.write("main.tf", text);
    let values = "names = [\"a\", \"b$\"]\n\n[zone]\nname = \"${z}\"\n\n[data.aws_lb.x]\ndns_name = \"lb\"\n\n\
                  [\"aws_lb.y[k]\"]\ntags = { z = \"t\" }\n";
    sandbox.write("values.toml", values);
    let ran =
        sandbox.run(&["import", "main.tf", "--values", "values.toml", "--allow-loss"]).exits(0);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("b$.${z}.lb.t"), "{said}");
    assert!(!said.contains("is not used"), "{said}");
}

#[test]
fn instances_of_modules_are_counted_before_they_are_made() {
    let levels: Vec<(String, String)> = (0..7)
        .map(|level| {
            let call = |name: &str| {
                format!(
                    "module \"{name}\" {{\n  source = \"../l{}\"\n  count = 50\n}}\n",
                    level + 1
                )
            };
            (format!("l{level}/main.tf"), format!("{}{}{MESH}", call("a"), call("c")))
        })
        .collect();
    let files: Vec<(&str, String)> =
        levels.iter().map(|(path, text)| (path.as_str(), text.clone())).collect();
    let imported = read(&files);
    let text = said(&imported);
    assert!(text.contains("MC1119") && text.contains("more than 10,000 instances"), "{text}");
    // The files of the innermost calls are missing: that is said once a call, not once an instance.
    assert!(text.len() < 20_000, "{}", text.len());
}

#[test]
fn the_text_of_yaml_has_types() {
    for (yaml, expression, expected) in [
        ("port: 8080", "local.y.port == 8080 ? \"number\" : \"text\"", "number"),
        ("port: '8080'", "local.y.port == 8080 ? \"number\" : \"text\"", "text"),
        ("tls: no", "local.y.tls ? \"on\" : \"off\"", "off"),
        ("tls: 'no'", "local.y.tls == \"no\" ? \"text\" : \"bool\"", "text"),
    ] {
        let locals = format!("locals {{ y = yamldecode(\"{yaml}\") }}");
        let text = clean(&[("main.tf", host(expression, &locals))]);
        assert!(text.contains(&format!("dns = \"{expected}\"")), "{yaml}:\n{text}");
    }
}
