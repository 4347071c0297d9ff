//! The checks of the Fetch standard that can fail, and what the browsers call them.

use std::fmt;

/// Which answer a check failed on. The same check at another stage is another fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// The answer to a preflight, of whichever hop.
    Preflight,
    /// A 3xx answer to the actual request.
    Redirect,
    /// The answer to the actual request.
    Actual,
}

impl Stage {
    /// `preflight`, `redirect` or `actual`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Redirect => "redirect",
            Self::Actual => "actual",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The rule that failed. Ids are forever; they name the fault, never the remedy, and carry no
/// `preflight-` prefix: that is the [`Stage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Check {
    /// No `Access-Control-Allow-Origin`.
    MissingAllowOrigin,
    /// `*` although credentials are included.
    WildcardOriginNotAllowed,
    /// More than one value.
    MultipleAllowOriginValues,
    /// A value that is no origin at all.
    InvalidAllowOriginValue,
    /// One well-formed value, of another origin.
    AllowOriginMismatch,
    /// `Access-Control-Allow-Credentials` is not exactly `true`.
    InvalidAllowCredentials,
    /// The preflight was answered outside 200–299.
    InvalidStatus,
    /// The preflight was redirected.
    DisallowedRedirect,
    /// `Access-Control-Allow-Methods` does not parse.
    InvalidAllowMethods,
    /// `Access-Control-Allow-Headers` does not parse.
    InvalidAllowHeaders,
    /// The method is not granted.
    MethodDisallowed,
    /// One or more request headers are not granted.
    HeaderDisallowed,
    /// A redirect to a URL with a user name or password.
    RedirectContainsCredentials,
    /// A redirect to a scheme that cannot be fetched with CORS.
    CorsDisabledScheme,
    /// The preflight broke below HTTP.
    PreflightNetworkError,
    /// The request broke below HTTP.
    NetworkError,
    /// Not CORS: an https page may not load plain http.
    MixedContent,
    /// Not CORS: the page's own Content-Security-Policy.
    CspConnectSrc,
    /// Not CORS, though Chromium words it so: the page may not reach into the local network.
    LocalNetworkAccess,
    /// Not CORS: opaque response blocking.
    OpaqueResponseBlocked,
    /// Not CORS: Cross-Origin-Resource-Policy.
    BlockedByCorp,
    /// Not CORS: a redirect the browser refuses for another reason (too many, no usable Location).
    InvalidRedirect,
    /// Not CORS: a module script or stylesheet of a wrong type, or answered with an error.
    WrongResourceType,
}

impl Check {
    /// Every check, in the order a list of them should have.
    pub const ALL: [Self; 23] = [
        Self::MissingAllowOrigin,
        Self::WildcardOriginNotAllowed,
        Self::MultipleAllowOriginValues,
        Self::InvalidAllowOriginValue,
        Self::AllowOriginMismatch,
        Self::InvalidAllowCredentials,
        Self::InvalidStatus,
        Self::DisallowedRedirect,
        Self::InvalidAllowMethods,
        Self::InvalidAllowHeaders,
        Self::MethodDisallowed,
        Self::HeaderDisallowed,
        Self::RedirectContainsCredentials,
        Self::CorsDisabledScheme,
        Self::PreflightNetworkError,
        Self::NetworkError,
        Self::MixedContent,
        Self::CspConnectSrc,
        Self::LocalNetworkAccess,
        Self::OpaqueResponseBlocked,
        Self::BlockedByCorp,
        Self::InvalidRedirect,
        Self::WrongResourceType,
    ];

    /// The stable id, as in JSON and on the command line.
    pub fn id(self) -> &'static str {
        match self {
            Self::MissingAllowOrigin => "missing-allow-origin",
            Self::WildcardOriginNotAllowed => "wildcard-origin-not-allowed",
            Self::MultipleAllowOriginValues => "multiple-allow-origin-values",
            Self::InvalidAllowOriginValue => "invalid-allow-origin-value",
            Self::AllowOriginMismatch => "allow-origin-mismatch",
            Self::InvalidAllowCredentials => "invalid-allow-credentials",
            Self::InvalidStatus => "invalid-status",
            Self::DisallowedRedirect => "disallowed-redirect",
            Self::InvalidAllowMethods => "invalid-allow-methods-preflight-response",
            Self::InvalidAllowHeaders => "invalid-allow-headers-preflight-response",
            Self::MethodDisallowed => "method-disallowed-by-preflight-response",
            Self::HeaderDisallowed => "header-disallowed-by-preflight-response",
            Self::RedirectContainsCredentials => "redirect-contains-credentials",
            Self::CorsDisabledScheme => "cors-disabled-scheme",
            Self::PreflightNetworkError => "preflight-network-error",
            Self::NetworkError => "network-error",
            Self::MixedContent => "mixed-content",
            Self::CspConnectSrc => "csp-connect-src",
            Self::LocalNetworkAccess => "local-network-access",
            Self::OpaqueResponseBlocked => "opaque-response-blocked",
            Self::BlockedByCorp => "blocked-by-corp",
            Self::InvalidRedirect => "invalid-redirect",
            Self::WrongResourceType => "wrong-resource-type",
        }
    }

    /// Reads [`id`](Self::id) back.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|check| check.id() == id)
    }

    /// Chromium's name (`Network.CorsError` of the DevTools protocol); `None` where Chromium does
    /// not count it as CORS.
    pub fn chromium_name(self, stage: Stage) -> Option<&'static str> {
        let preflight = stage == Stage::Preflight;
        Some(match self {
            Self::MissingAllowOrigin if preflight => "PreflightMissingAllowOriginHeader",
            Self::MissingAllowOrigin => "MissingAllowOriginHeader",
            Self::WildcardOriginNotAllowed if preflight => "PreflightWildcardOriginNotAllowed",
            Self::WildcardOriginNotAllowed => "WildcardOriginNotAllowed",
            Self::MultipleAllowOriginValues if preflight => "PreflightMultipleAllowOriginValues",
            Self::MultipleAllowOriginValues => "MultipleAllowOriginValues",
            Self::InvalidAllowOriginValue if preflight => "PreflightInvalidAllowOriginValue",
            Self::InvalidAllowOriginValue => "InvalidAllowOriginValue",
            Self::AllowOriginMismatch if preflight => "PreflightAllowOriginMismatch",
            Self::AllowOriginMismatch => "AllowOriginMismatch",
            Self::InvalidAllowCredentials if preflight => "PreflightInvalidAllowCredentials",
            Self::InvalidAllowCredentials => "InvalidAllowCredentials",
            Self::InvalidStatus => "PreflightInvalidStatus",
            Self::DisallowedRedirect => "PreflightDisallowedRedirect",
            Self::InvalidAllowMethods => "InvalidAllowMethodsPreflightResponse",
            Self::InvalidAllowHeaders => "InvalidAllowHeadersPreflightResponse",
            Self::MethodDisallowed => "MethodDisallowedByPreflightResponse",
            Self::HeaderDisallowed => "HeaderDisallowedByPreflightResponse",
            Self::RedirectContainsCredentials => "RedirectContainsCredentials",
            Self::CorsDisabledScheme => "CorsDisabledScheme",
            Self::PreflightNetworkError
            | Self::NetworkError
            | Self::MixedContent
            | Self::CspConnectSrc
            | Self::LocalNetworkAccess
            | Self::OpaqueResponseBlocked
            | Self::BlockedByCorp
            | Self::InvalidRedirect
            | Self::WrongResourceType => return None,
        })
    }

    /// Firefox's usual name of the reason, as on MDN, without the number that some carry in the
    /// console's category; `None` where Firefox does not count it as CORS.
    pub fn firefox_name(self) -> Option<&'static str> {
        Some(match self {
            Self::MissingAllowOrigin => "CORSMissingAllowOrigin",
            Self::WildcardOriginNotAllowed => "CORSNotSupportingCredentials",
            // A list in one line; a repeated line is `CORSMultipleAllowOriginNotAllowed`.
            Self::MultipleAllowOriginValues
            | Self::InvalidAllowOriginValue
            | Self::AllowOriginMismatch => "CORSAllowOriginNotMatchingOrigin",
            Self::InvalidAllowCredentials => "CORSMissingAllowCredentials",
            Self::InvalidStatus => "CORSPreflightDidNotSucceed",
            Self::DisallowedRedirect => "CORSExternalRedirectNotAllowed",
            Self::InvalidAllowMethods => "CORSInvalidAllowMethod",
            Self::InvalidAllowHeaders => "CORSInvalidAllowHeader",
            Self::MethodDisallowed => "CORSMethodNotFound",
            Self::HeaderDisallowed => "CORSMissingAllowHeaderFromPreflight",
            Self::CorsDisabledScheme => "CORSRequestNotHttp",
            Self::RedirectContainsCredentials
            | Self::PreflightNetworkError
            | Self::NetworkError => "CORSDidNotSucceed",
            Self::MixedContent
            | Self::CspConnectSrc
            | Self::LocalNetworkAccess
            | Self::OpaqueResponseBlocked
            | Self::BlockedByCorp
            | Self::InvalidRedirect
            | Self::WrongResourceType => return None,
        })
    }

    /// Whether this is one of the rules of CORS, and not another block that is confused with it.
    pub fn is_cors(self) -> bool {
        self.chromium_name(Stage::Actual).is_some()
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
