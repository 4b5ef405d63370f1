//! The first operator, and shops. The node must not run meanwhile: these open its files.

use super::{InitArgs, TenantArgs, block_on, say, settings};
use anyhow::Context;
use gearify_commerce::intent::{Intent, StaffIntent};
use gearify_commerce::locale::{Country, Locale};
use gearify_commerce::tenants::{
    Branding, Colour, Command, FontFamily, Host, PaymentMethod, Profile, Settings as ShopSettings, TimeZone,
};
use gearify_commerce::text::{Name, Slug};
use gearify_commerce::{Code, Currency, Reply, Site, TenantId, Vault, ids};
use gearify_config::Settings;
use gearify_node::backend::{NodeBackend, now};
use gearify_node::runtime;
use gearify_node::writer::Writer;
use std::process::ExitCode;

/// Keeps the hash of a set-up link's token apart from other hashes.
const SETUP_PURPOSE: &str = "token";

pub fn init(arguments: &InitArgs) -> anyhow::Result<ExitCode> {
    let settings = settings(&arguments.config)?;
    let token = fresh_token();
    let request = |vault: &dyn Vault| StaffIntent::Add {
        email: arguments.email.clone(),
        name: arguments.name.clone(),
        role: "operator".into(),
        password_hash: None,
        setup_token_hash: Some(vault.hash(TenantId::PLATFORM, SETUP_PURPOSE, token.as_bytes())),
    };
    with_node(&settings, async |backend| {
        let writer = Writer::new(backend, TenantId::PLATFORM, Site::NONE);
        let vault: &dyn Vault = gearify_web::ports::Backend::vault(backend);
        writer.again("init", Intent::Staff(request(vault))).await.context("the operator was not made")?;
        Ok(())
    })?;
    let host = settings.hosts.operator_host.as_str();
    say(&format!(
        "The first operator is made. Start the node, then set a password at\n{}",
        link(&settings, host, &token)
    ))
}

pub fn create(arguments: &TenantArgs) -> anyhow::Result<ExitCode> {
    let settings = settings(&arguments.config)?;
    let command = create_command(arguments, settings.node.region.as_str(), settings.payments.test.enabled)?;
    let host = command_host(&command).to_owned();
    let token = fresh_token();
    let tenant = TenantId::from_bits(ids::uuid_v7(now(), rand::random()));
    with_node(&settings, async |backend| {
        let writer = Writer::new(backend, tenant, Site::NONE);
        make(&writer, command).await.context("the shop was not made")?;
        let vault: &dyn Vault = gearify_web::ports::Backend::vault(backend);
        let owner = StaffIntent::Add {
            email: arguments.owner_email.clone(),
            name: arguments.owner_name.clone(),
            role: "owner".into(),
            password_hash: None,
            setup_token_hash: Some(vault.hash(tenant, SETUP_PURPOSE, token.as_bytes())),
        };
        writer.again("owner", Intent::Staff(owner)).await.context("the owner was not made")?;
        Ok(())
    })?;
    say(&format!(
        "The shop {} is made. Start the node; its owner sets a password at\n{}",
        arguments.slug,
        link(&settings, &host, &token)
    ))
}

async fn make(writer: &Writer<'_>, command: Command) -> anyhow::Result<Reply> {
    Ok(writer.again("tenant", Intent::Ready(Box::new(command.into()))).await?)
}

fn create_command(arguments: &TenantArgs, region: &str, test_payments: bool) -> anyhow::Result<Command> {
    let mut shop = ShopSettings::new(
        Currency::parse(&arguments.currency)?,
        Locale::parse(&arguments.locale)?,
        Country::parse(&arguments.country)?,
        TimeZone::parse(&arguments.time_zone)?,
    );
    if test_payments {
        shop.payment_methods.insert(0, PaymentMethod::Test);
    }
    let domains =
        arguments.domains.iter().map(|domain| Host::parse(domain)).collect::<Result<Vec<_>, _>>()?;
    Ok(Command::CreateTenant {
        slug: Slug::parse(&arguments.slug)?,
        profile: Profile { name: Name::parse(&arguments.name)?, plan: Code::parse("standard")? },
        domains,
        branding: Branding {
            logo: None,
            header_colour: Colour::parse("#1f3d2b")?,
            primary_colour: Colour::parse("#1f3d2b")?,
            secondary_colour: Colour::parse("#c9b27c")?,
            font: FontFamily::default(),
        },
        settings: shop,
        region: Name::parse(region)?,
    })
}

fn command_host(command: &Command) -> &str {
    match command {
        Command::CreateTenant { domains, .. } => domains.first().map_or("", |host| host.as_str()),
        _ => "",
    }
}

/// Runs the groups without listeners for one piece of work.
fn with_node(
    settings: &Settings,
    work: impl AsyncFnOnce(&NodeBackend) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    block_on(async {
        let core = runtime::open_core(settings).await?;
        let done = work(core.backend()).await;
        core.stop().await;
        done
    })
}

fn fresh_token() -> String {
    ids::encode_base32(rand::random::<u128>() >> 1)
}

fn link(settings: &Settings, host: &str, token: &str) -> String {
    let scheme = if settings.listen.behind_tls_proxy { "https" } else { "http" };
    let port = match (settings.listen.behind_tls_proxy, settings.listen.public.port()) {
        (true, _) | (false, 80) => String::new(),
        (false, port) => format!(":{port}"),
    };
    format!("{scheme}://{host}{port}/console/setup?token={token}")
}
