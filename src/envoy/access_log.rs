//! Access logs.

use super::pb::{accesslog, core, file_log, stream_log};
use crate::model::{AccessLog, LogFormat};
use envoy_api::{Struct, Value, pack, value};

/// The access log of a connection manager or a TCP proxy.
pub(super) fn of(log: Option<&AccessLog>) -> Vec<accesslog::AccessLog> {
    let Some(log) = log else { return Vec::new() };
    let format = log.format.as_ref().map(substitution);
    // A stream of the process is not opened as a file: it may be a socket, as under systemd, or
    // belong to another user, and Envoy rejects a listener whose log it cannot open.
    let (name, config) = match stream(&log.path) {
        Some(Stream::Stdout) => {
            use stream_log::stdout_access_log::AccessLogFormat::LogFormat;
            let config = stream_log::StdoutAccessLog { access_log_format: format.map(LogFormat) };
            ("envoy.access_loggers.stdout", pack(&config))
        }
        Some(Stream::Stderr) => {
            use stream_log::stderr_access_log::AccessLogFormat::LogFormat;
            let config = stream_log::StderrAccessLog { access_log_format: format.map(LogFormat) };
            ("envoy.access_loggers.stderr", pack(&config))
        }
        None => {
            use file_log::file_access_log::AccessLogFormat::LogFormat;
            let config = file_log::FileAccessLog {
                path: log.path.clone(),
                access_log_format: format.map(LogFormat),
            };
            ("envoy.access_loggers.file", pack(&config))
        }
    };
    vec![accesslog::AccessLog {
        name: name.to_owned(),
        config_type: Some(accesslog::access_log::ConfigType::TypedConfig(config)),
        ..Default::default()
    }]
}

enum Stream {
    Stdout,
    Stderr,
}

/// The stream of the process that a path names.
fn stream(path: &str) -> Option<Stream> {
    match path {
        "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1" => Some(Stream::Stdout),
        "/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2" => Some(Stream::Stderr),
        _ => None,
    }
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
