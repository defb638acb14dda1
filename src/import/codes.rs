//! MC11xx: findings about what is imported.

use crate::diag::Code;

/// A source that cannot be read.
pub const SYNTAX: Code = Code::error(
    "MC1101",
    "malformed-source",
    "a source is not JSON or YAML that can be read",
    "The place is where reading stopped. Sources are JSON (also with the bare `$NAME` of jq \
     programs) or YAML, with or without CloudFormation's tags and with placeholders such as \
     `${NAME}`, or HCL. Helm templates and scripts are not read: import what they make instead, for \
     example the output of `helm template`.",
);
/// A field that does not have the form that App Mesh asks for.
pub const BAD_FIELD: Code = Code::error(
    "MC1102",
    "malformed-field",
    "a field does not have the form that App Mesh gives it",
    "A value has another type than App Mesh's API says, a required field is missing, or not exactly \
     one member of a union is there. App Mesh would have refused the definition too.",
);
/// A field that App Mesh does not have.
pub const UNKNOWN_FIELD: Code = Code::warning(
    "MC1103",
    "unknown-field",
    "a field is not one of App Mesh's",
    "App Mesh has no such field in this place, so it had no effect there, and it has no place in \
     the language. Look whether it was meant to stand elsewhere, or is misspelt.",
);
/// Something that only AWS can do.
pub const AWS_ONLY: Code = Code::warning(
    "MC1104",
    "aws-only",
    "a setting stands for something that only AWS has",
    "The setting is written down where the language has a place for it, but what it refers to is \
     not there any more, or not everywhere: ACM certificates must be mapped to files or SDS names \
     in meshctl.toml, a Cloud Map service needs a registry.",
);
/// A placeholder without a value.
pub const UNRESOLVED: Code = Code::warning(
    "MC1105",
    "unresolved-value",
    "a value is given by something outside the sources",
    "A parameter without a default, a variable of a script, or a resource of another template gives \
     this value. Give it by --var NAME=VALUE; until then `unset-NAME` stands in its place, so that \
     a search finds it.",
);
/// Two definitions of one resource.
pub const CONFLICT: Code = Code::error(
    "MC1106",
    "several-states",
    "the sources define one resource in several ways",
    "Tutorials keep the steps of a change as files of their own, and folders of examples keep \
     variants. A mesh has one state of a resource: name the files that are meant, or let the later \
     one win with --override later (files of a folder in the order of their names, then its \
     subfolders).",
);
/// A name that is not legal here.
pub const RENAMED: Code = Code::info(
    "MC1107",
    "renamed",
    "a name was changed, because it is not a legal one here",
    "Names of nodes, routers, gateways and routes have letters, digits, `-` and `_`, at most 128 of \
     them; names of services are DNS names. All references are changed with the name. A proxy whose \
     id has the old name must be given the new one.",
);
/// A function of CloudFormation that is not known.
pub const UNKNOWN_FUNCTION: Code = Code::error(
    "MC1108",
    "unknown-intrinsic",
    "a function of CloudFormation that meshctl cannot compute",
    "Known are Ref, Fn::GetAtt, Fn::Sub, Fn::Join, Fn::If, Fn::FindInMap, Fn::ImportValue, \
     Fn::Select, Fn::Split, and in conditions Fn::Equals, Fn::And, Fn::Or, Fn::Not and Condition. \
     Write the value out, or import what CloudFormation made of the template \
     (`aws cloudformation get-template --template-stage Processed`).",
);
/// A file that is too large, or stands for too much.
pub const TOO_LARGE: Code = Code::error(
    "MC1109",
    "source-too-large",
    "a source is too large, or its aliases stand for too much",
    "A source has at most 32 MiB, and its YAML aliases stand for at most 100000 values. No mesh \
     needs more; split the file, or import the part that has the mesh.",
);
/// Nothing to import.
pub const NOTHING: Code = Code::error(
    "MC1110",
    "nothing-to-import",
    "the sources have no definition of App Mesh",
    "Known are App Mesh's API JSON, CloudFormation templates, Kubernetes resources of \
     appmesh.k8s.aws, files and states of Terraform, and Envoy's config_dump. In a folder, files are \
     chosen by their endings: .json, .yaml, .template, .tfstate, .tf and their like.",
);
/// A definition that cannot be placed.
pub const UNPLACED: Code = Code::error(
    "MC1111",
    "unplaced-definition",
    "a definition does not say what it is or where it belongs",
    "A file that holds only `spec` is known by its fields, by --kind, or by its name (-vn, -vs, -vr, \
     -vg, -route). A route belongs to a router or gateway: the file says which, its name does \
     (`color-route` belongs to `color-vr` or `color-vg`), or there is only one.",
);
/// Definitions of several meshes.
pub const SEVERAL_MESHES: Code = Code::error(
    "MC1112",
    "several-meshes",
    "the sources define several meshes",
    "A project is one mesh. Choose one with --mesh NAME and import each into a folder of its own.",
);
/// Something that was concluded rather than read.
pub const ASSUMED: Code = Code::info(
    "MC1113",
    "assumed",
    "something was concluded, because the sources do not say it",
    "The sources leave it open, and App Mesh or its controller would have decided in this way. \
     Look whether it is what you had.",
);
/// A definition that another stands in for.
pub const OVERRIDDEN: Code = Code::info(
    "MC1114",
    "overridden-state",
    "a definition was left out for a later one",
    "The sources define one resource in several ways, and --override says which one wins.",
);
/// Something that is left to others.
pub const ELSEWHERE: Code = Code::info(
    "MC1115",
    "not-of-the-mesh",
    "something is no setting of the mesh",
    "What the sources say here is bookkeeping of AWS (versions, states, times), or is decided by \
     whoever runs the proxies: which pods belong to a node, which image runs. It changes no route.",
);
/// A setting that the language cannot say.
pub const UNSUPPORTED: Code = Code::warning(
    "MC1116",
    "unsupported-setting",
    "a setting has no counterpart here",
    "App Mesh, or the format, can say this, and the language cannot. Look whether the mesh still \
     does what it should, and go on with --allow-loss.",
);

/// A mesh that no source defines.
pub const NO_SUCH_MESH: Code = Code::error(
    "MC1117",
    "no-such-mesh",
    "the sources define no mesh of the name that --mesh gives",
    "--mesh chooses one of the meshes that the sources define, or names the mesh where the sources \
     do not. Every source names another mesh here: correct the name.",
);
/// Something that makes definitions.
pub const GENERATOR: Code = Code::error(
    "MC1118",
    "generator",
    "a source is not a definition, but something that makes definitions",
    "Scripts, pipelines, programs, Helm charts and resources of controllers such as Flagger make \
     definitions of App Mesh when they run, and modules, nested stacks and included templates have \
     theirs elsewhere. meshctl runs and fetches nothing. The message names the command whose \
     output can be imported instead. Beside definitions that were read, it is a loss: the import \
     stops with exit code 4 unless --allow-loss is given.",
);

/// An expression of HCL without a value.
pub const EXPRESSION: Code = Code::error(
    "MC1119",
    "hcl-expression",
    "an expression of HCL has no value",
    "Terraform would reject the expression too, or it is nested deeper than meshctl follows. What only \
     an apply tells is no mistake: it becomes `unset-ADDRESS.ATTRIBUTE`, and --var gives it.",
);

/// All codes of this module.
pub const CODES: &[&Code] = &[
    &SYNTAX,
    &BAD_FIELD,
    &UNKNOWN_FIELD,
    &AWS_ONLY,
    &UNRESOLVED,
    &CONFLICT,
    &RENAMED,
    &UNKNOWN_FUNCTION,
    &TOO_LARGE,
    &NOTHING,
    &UNPLACED,
    &SEVERAL_MESHES,
    &ASSUMED,
    &OVERRIDDEN,
    &ELSEWHERE,
    &UNSUPPORTED,
    &NO_SUCH_MESH,
    &GENERATOR,
    &EXPRESSION,
];
