//! The canonical form of TOML: one set of rules for `fmt` and for what meshctl writes itself.

/// Formats a text; comments stay. The text must be TOML, or parts of it may be lost.
pub fn format(text: &str) -> String {
    let options = taplo::formatter::Options {
        column_width: 100,
        indent_string: "  ".into(),
        array_trailing_comma: true,
        array_auto_expand: true,
        array_auto_collapse: false,
        compact_arrays: true,
        compact_inline_tables: false,
        inline_table_expand: false,
        trailing_newline: true,
        allowed_blank_lines: 1,
        ..Default::default()
    };
    taplo::formatter::format(text, options)
}
