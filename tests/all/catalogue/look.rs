//! More ways to look at a record: any layer, any signature, every finding.

use serde_json::Value;

use crate::catalogue::audit::Record;

impl Record {
    /// Path and kind of every layer, outermost first: `0 signed`.
    pub fn layers(&self) -> Vec<String> {
        let layers = self.0.pointer("/layers").and_then(Value::as_array);
        let text = |layer: &Value, name: &str| {
            let text = layer.get(name).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        layers
            .into_iter()
            .flatten()
            .map(|layer| format!("{} {}", text(layer, "path"), text(layer, "kind")))
            .collect()
    }

    /// A value of any layer.
    pub fn layer(&self, layer: usize, name: &str) -> &str {
        self.text(&format!("/layers/{layer}/{name}"))
    }

    /// A value of any signature.
    pub fn signature(&self, layer: usize, signature: usize, name: &str) -> &str {
        self.text(&format!("/layers/{layer}/signatures/{signature}/{name}"))
    }

    /// Findings of the outermost layer.
    pub fn layer_notes(&self) -> Vec<&str> {
        self.list("/layers/0/findings")
    }

    /// The parts that a signature does not cover.
    pub fn uncovered(&self, layer: usize) -> Vec<&str> {
        self.list(&format!("/layers/{layer}/signatures/0/uncovered"))
    }

    /// Every finding but `ess_absent`, as `code@place`, in the order of the record.
    pub fn notes(&self) -> Vec<String> {
        let findings = self.0.pointer("/findings").and_then(Value::as_array);
        let text = |finding: &Value, name: &str| {
            let text = finding.get(name).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        findings
            .into_iter()
            .flatten()
            .map(|finding| {
                let (code, place) = (text(finding, "code"), text(finding, "place"));
                match place.as_str() {
                    "" => code,
                    place => format!("{code}@{place}"),
                }
            })
            .filter(|note| !note.starts_with("ess_absent@"))
            .filter(|note| !note.starts_with("revocation_not_known@"))
            .collect()
    }
}
