//! What made the server answer so.

use std::fmt;

/// The reason behind a failed check. The headline a person sees is the root where there is one,
/// and the check otherwise. Ids are forever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Root {
    /// No HTTP answer came.
    NetworkFailure,
    /// The answer says in words that CORS refused it.
    ExplicitRefusal,
    /// `Origin: null` comes from a redirect between foreign origins.
    TaintedRedirect,
    /// The preflight was sent on to https.
    RedirectHttpToHttps,
    /// The preflight was sent back to http.
    RedirectHttpsToHttp,
    /// The preflight was redirected to add or remove a slash.
    RedirectTrailingSlash,
    /// The preflight was redirected between www and apex.
    RedirectWwwApex,
    /// The preflight was redirected to a login.
    RedirectLogin,
    /// The preflight was redirected to a localised path.
    RedirectLocale,
    /// The preflight was redirected elsewhere.
    RedirectOtherHost,
    /// Authentication answered the preflight, which never carries credentials.
    PreflightBlockedByAuth,
    /// No handler for OPTIONS.
    PreflightNotHandled,
    /// The server crashed on the preflight.
    PreflightServerError,
    /// A CDN or firewall answered the preflight.
    PreflightBlockedByEdge,
    /// The server crashed; its error page has no CORS headers.
    ServerError,
    /// A gateway could not reach the application.
    GatewayError,
    /// Authentication answered before CORS.
    AuthError,
    /// Nothing is served at this URL.
    WrongUrl,
    /// The front end's index.html was served, not the API.
    SpaFallback,
    /// 405 for the method itself.
    MethodNotAllowed,
    /// 413 from a limit in front.
    PayloadTooLarge,
    /// 429 from a limiter in front of CORS.
    RateLimited,
    /// Another 4xx without CORS headers.
    OtherClientError,
    /// Successes of this endpoint carry the headers, this error does not.
    ErrorResponseWithoutCors,
    /// Two layers each add the header.
    DuplicateCorsLayers,
    /// Nothing of this host ever carried a CORS header.
    CorsNotConfigured,
    /// Other paths of this host carry CORS headers, this one does not.
    CorsPartialCoverage,
    /// Other origins are let in here.
    OriginNotInAllowList,
    /// A CORS layer is active and did not accept this origin.
    AllowListRefused,
    /// A cache served the answer made for another origin.
    CachedResponseWrongOrigin,
    /// A cache served an answer made without CORS headers.
    CachedWithoutCors,
    /// Only one of preflight and actual allows credentials.
    CredentialsHalfConfigured,
    /// Headers only on OPTIONS.
    PreflightOkActualMissingHeaders,
    /// Headers only on the actual answer.
    ActualOkPreflightMissingHeaders,
    /// Somebody else's API without CORS.
    ThirdPartyApi,
    /// It was same-origin through a development proxy.
    DevProxyMasksCors,
}

impl Root {
    /// Every root, in the order of the taxonomy.
    pub const ALL: [Self; 36] = [
        Self::NetworkFailure,
        Self::ExplicitRefusal,
        Self::TaintedRedirect,
        Self::RedirectHttpToHttps,
        Self::RedirectHttpsToHttp,
        Self::RedirectTrailingSlash,
        Self::RedirectWwwApex,
        Self::RedirectLogin,
        Self::RedirectLocale,
        Self::RedirectOtherHost,
        Self::PreflightBlockedByAuth,
        Self::PreflightNotHandled,
        Self::PreflightServerError,
        Self::PreflightBlockedByEdge,
        Self::ServerError,
        Self::GatewayError,
        Self::AuthError,
        Self::WrongUrl,
        Self::SpaFallback,
        Self::MethodNotAllowed,
        Self::PayloadTooLarge,
        Self::RateLimited,
        Self::OtherClientError,
        Self::ErrorResponseWithoutCors,
        Self::DuplicateCorsLayers,
        Self::CorsNotConfigured,
        Self::CorsPartialCoverage,
        Self::OriginNotInAllowList,
        Self::AllowListRefused,
        Self::CachedResponseWrongOrigin,
        Self::CachedWithoutCors,
        Self::CredentialsHalfConfigured,
        Self::PreflightOkActualMissingHeaders,
        Self::ActualOkPreflightMissingHeaders,
        Self::ThirdPartyApi,
        Self::DevProxyMasksCors,
    ];

    /// The stable id, as in JSON.
    pub fn id(self) -> &'static str {
        match self {
            Self::NetworkFailure => "network-failure",
            Self::ExplicitRefusal => "explicit-refusal",
            Self::TaintedRedirect => "tainted-redirect",
            Self::RedirectHttpToHttps => "preflight-disallowed-redirect/http-to-https",
            Self::RedirectHttpsToHttp => "preflight-disallowed-redirect/https-to-http",
            Self::RedirectTrailingSlash => "preflight-disallowed-redirect/trailing-slash",
            Self::RedirectWwwApex => "preflight-disallowed-redirect/www-apex",
            Self::RedirectLogin => "preflight-disallowed-redirect/login",
            Self::RedirectLocale => "preflight-disallowed-redirect/locale",
            Self::RedirectOtherHost => "preflight-disallowed-redirect/other-host",
            Self::PreflightBlockedByAuth => "preflight-blocked-by-auth",
            Self::PreflightNotHandled => "preflight-not-handled",
            Self::PreflightServerError => "preflight-server-error",
            Self::PreflightBlockedByEdge => "preflight-blocked-by-edge",
            Self::ServerError => "server-error",
            Self::GatewayError => "gateway-error",
            Self::AuthError => "auth-error",
            Self::WrongUrl => "wrong-url",
            Self::SpaFallback => "spa-fallback",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::PayloadTooLarge => "payload-too-large",
            Self::RateLimited => "rate-limited",
            Self::OtherClientError => "other-client-error",
            Self::ErrorResponseWithoutCors => "error-response-without-cors",
            Self::DuplicateCorsLayers => "duplicate-cors-layers",
            Self::CorsNotConfigured => "cors-not-configured",
            Self::CorsPartialCoverage => "cors-partial-coverage",
            Self::OriginNotInAllowList => "origin-not-in-allow-list",
            Self::AllowListRefused => "allow-list-refused",
            Self::CachedResponseWrongOrigin => "cached-response-wrong-origin",
            Self::CachedWithoutCors => "cached-without-cors",
            Self::CredentialsHalfConfigured => "credentials-half-configured",
            Self::PreflightOkActualMissingHeaders => "preflight-ok-actual-missing-headers",
            Self::ActualOkPreflightMissingHeaders => "actual-ok-preflight-missing-headers",
            Self::ThirdPartyApi => "third-party-api",
            Self::DevProxyMasksCors => "dev-proxy-masks-cors",
        }
    }

    /// Reads [`id`](Self::id) back.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|root| root.id() == id)
    }

    /// Whether the cure is not a CORS header: mend the crash, the URL, the token first.
    pub fn is_not_cors(self) -> bool {
        matches!(
            self,
            Self::NetworkFailure
                | Self::PreflightServerError
                | Self::ServerError
                | Self::GatewayError
                | Self::AuthError
                | Self::WrongUrl
                | Self::SpaFallback
                | Self::MethodNotAllowed
                | Self::PayloadTooLarge
                | Self::RateLimited
                | Self::OtherClientError
        )
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
