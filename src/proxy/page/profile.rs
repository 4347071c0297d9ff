//! The authority as a configuration profile for Apple's systems (a property list, unsigned).

use base64::Engine;

use super::super::ca::CaCertificate;

/// The profile: one payload of type `com.apple.security.root`.
pub(super) fn mobileconfig(certificate: &CaCertificate) -> String {
    let print = certificate.sha256_bare();
    let data = base64::engine::general_purpose::STANDARD.encode(certificate.der());
    let name = super::escaped(certificate.name());
    let (inner, outer) = (uuid(&print[..32]), uuid(&print[32..]));
    let short = &print[..12];
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>PayloadContent</key>
  <array>
    <dict>
      <key>PayloadCertificateFileName</key><string>corscope-ca.cer</string>
      <key>PayloadContent</key><data>{data}</data>
      <key>PayloadDisplayName</key><string>{name}</string>
      <key>PayloadDescription</key><string>The authority whose certificates corscope shows in the place of a server's.</string>
      <key>PayloadIdentifier</key><string>corscope.ca.{short}.root</string>
      <key>PayloadType</key><string>com.apple.security.root</string>
      <key>PayloadUUID</key><string>{inner}</string>
      <key>PayloadVersion</key><integer>1</integer>
    </dict>
  </array>
  <key>PayloadDisplayName</key><string>{name}</string>
  <key>PayloadDescription</key><string>Lets this device accept what corscope shows it. Remove it when you are done.</string>
  <key>PayloadIdentifier</key><string>corscope.ca.{short}</string>
  <key>PayloadRemovalDisallowed</key><false/>
  <key>PayloadType</key><string>Configuration</string>
  <key>PayloadUUID</key><string>{outer}</string>
  <key>PayloadVersion</key><integer>1</integer>
</dict>
</plist>
"#
    )
}

/// A UUID made of 32 hexadecimal digits: version 8, meaning "of our own making" (RFC 9562 § 5.8).
fn uuid(hex: &str) -> String {
    let hex = hex.to_uppercase();
    format!(
        "{}-{}-8{}-A{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..32]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_say_how_they_were_made() {
        let made = uuid("0123456789abcdef0123456789abcdef");
        assert_eq!(made, "01234567-89AB-8DEF-A123-456789ABCDEF");
    }
}
