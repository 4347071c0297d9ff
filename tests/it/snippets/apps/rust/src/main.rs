//! `snippet-apps axum|actix full|least`: serves on 127.0.0.1:$PORT with that snippet.

#[path = "actix/full.rs"]
mod actix_full;
#[path = "actix/least.rs"]
mod actix_least;
#[path = "axum/full.rs"]
mod axum_full;
#[path = "axum/least.rs"]
mod axum_least;

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let full = args[2] == "full";
    let port: u16 = std::env::var("PORT").unwrap().parse().unwrap();
    if args[1] == "axum" {
        tokio::runtime::Runtime::new()?.block_on(serve_axum(full, port))
    } else {
        actix_web::rt::System::new().block_on(serve_actix(full, port))
    }
}

async fn serve_axum(full: bool, port: u16) -> std::io::Result<()> {
    use axum::{Router, http::StatusCode, routing::get};
    let boom = || async { (StatusCode::INTERNAL_SERVER_ERROR, "internal") };
    let app = Router::new()
        .route("/data", get(|| async { ([("x-request-id", "r1")], "{}") }).put(|| async { "{}" }))
        .route("/boom", get(boom))
        .layer(if full { axum_full::cors() } else { axum_least::cors() });
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, app).await
}

async fn serve_actix(full: bool, port: u16) -> std::io::Result<()> {
    use actix_web::{App, HttpResponse, HttpServer, error::ErrorInternalServerError, web};
    async fn data() -> HttpResponse {
        HttpResponse::Ok().insert_header(("x-request-id", "r1")).body("{}")
    }
    async fn boom() -> Result<HttpResponse, actix_web::Error> {
        Err(ErrorInternalServerError("internal"))
    }
    let app = move || {
        App::new()
            .wrap(if full { actix_full::cors() } else { actix_least::cors() })
            .route("/data", web::get().to(data))
            .route("/data", web::put().to(data))
            .route("/boom", web::get().to(boom))
    };
    HttpServer::new(app).workers(1).bind(("127.0.0.1", port))?.run().await
}
