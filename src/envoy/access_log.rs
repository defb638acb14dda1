//! Access logs.

use super::pb::{accesslog, core, file_log};
use crate::model::{AccessLog, LogFormat};
use envoy_api::{Struct, Value, pack, value};

/// The access log of a connection manager or a TCP proxy.
pub(super) fn of(log: Option<&AccessLog>) -> Vec<accesslog::AccessLog> {
    let Some(log) = log else { return Vec::new() };
    let config = file_log::FileAccessLog {
        path: log.path.clone(),
        access_log_format: log.format.as_ref().map(|format| {
            file_log::file_access_log::AccessLogFormat::LogFormat(substitution(format))
        }),
    };
    vec![accesslog::AccessLog {
        name: "envoy.access_loggers.file".to_owned(),
        config_type: Some(accesslog::access_log::ConfigType::TypedConfig(pack(&config))),
        ..Default::default()
    }]
}

fn substitution(format: &LogFormat) -> core::SubstitutionFormatString {
    use core::substitution_format_string::Format;
    let format = match format {
        LogFormat::Text(text) => {
            // Envoy ends no line by itself; without this a log would be one endless line.
            let line = if text.ends_with('\n') { text.clone() } else { format!("{text}\n") };
            Format::TextFormatSource(core::DataSource {
                specifier: Some(core::data_source::Specifier::InlineString(line)),
                ..Default::default()
            })
        }
        LogFormat::Json(fields) => Format::JsonFormat(Struct {
            fields: fields
                .iter()
                .map(|(key, text)| {
                    let kind = Some(value::Kind::StringValue(text.clone()));
                    (key.clone(), Value { kind })
                })
                .collect(),
        }),
    };
    core::SubstitutionFormatString { format: Some(format), ..Default::default() }
}
