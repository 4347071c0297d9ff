//! The servers that can be recognised.

/// How far out a server stands; outermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// A content delivery network or firewall.
    Edge,
    /// Somebody's cloud: router, gateway, load balancer.
    Platform,
    /// A reverse proxy or web server.
    Proxy,
    /// What runs the application's own code.
    Framework,
}

impl Layer {
    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Platform => "platform",
            Self::Proxy => "proxy",
            Self::Framework => "framework",
        }
    }
}

/// A server as it stands in the table: id, name, layer, snippet.
pub(super) struct Known {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) layer: Layer,
    pub(super) snippet: Option<&'static str>,
}

const fn known(
    id: &'static str,
    name: &'static str,
    layer: Layer,
    snippet: Option<&'static str>,
) -> Known {
    Known {
        id,
        name,
        layer,
        snippet,
    }
}

const fn mended(id: &'static str, name: &'static str, layer: Layer) -> Known {
    known(id, name, layer, Some(id))
}

use Layer::{Edge, Framework, Platform, Proxy};

/// Outermost first; within a layer the more general first, so that the last is the innermost.
pub(super) const KNOWN: &[Known] = &[
    known("cloudflare", "Cloudflare", Edge, None),
    known("cloudfront", "CloudFront", Edge, None),
    known("fastly", "Fastly", Edge, None),
    known("akamai", "Akamai", Edge, None),
    known("azure", "Azure", Edge, None),
    known("google", "Google Cloud", Platform, None),
    known("heroku", "Heroku", Platform, None),
    known("fly", "Fly.io", Platform, None),
    known("railway", "Railway", Platform, None),
    known("render", "Render", Platform, None),
    known("aws-alb", "AWS load balancer", Platform, None),
    mended("vercel", "Vercel", Platform),
    mended("netlify", "Netlify", Platform),
    mended("aws-apigw", "AWS API Gateway", Platform),
    mended("envoy", "Envoy", Proxy),
    mended("traefik", "Traefik", Proxy),
    mended("kong", "Kong", Proxy),
    mended("haproxy", "HAProxy", Proxy),
    mended("caddy", "Caddy", Proxy),
    mended("nginx", "nginx", Proxy),
    mended("apache", "Apache httpd", Proxy),
    mended("iis", "IIS", Proxy),
    known("supabase", "Supabase", Framework, None),
    mended("supabase-edge", "Supabase Edge Function", Framework),
    mended("cloudflare-workers", "Cloudflare Worker", Framework),
    mended("aws-lambda", "AWS Lambda", Framework),
    mended("s3", "S3 storage", Framework),
    known("php", "PHP", Framework, None),
    known("node", "Node.js", Framework, None),
    known("gunicorn", "gunicorn (Python)", Framework, None),
    known("go", "Go net/http", Framework, Some("go-rs-cors")),
    mended("express", "Express", Framework),
    mended("koa", "Koa", Framework),
    mended("hono", "Hono", Framework),
    mended("fastify", "Fastify", Framework),
    mended("nestjs", "NestJS", Framework),
    mended("nextjs", "Next.js", Framework),
    mended("fastapi", "FastAPI or Starlette", Framework),
    mended("flask", "Flask", Framework),
    mended("django", "Django", Framework),
    mended("aiohttp", "aiohttp", Framework),
    mended("spring", "Spring", Framework),
    mended("aspnet", "ASP.NET Core", Framework),
    mended("laravel", "Laravel", Framework),
    mended("rails", "Rails", Framework),
    mended("axum", "axum", Framework),
    mended("actix", "Actix Web", Framework),
];
