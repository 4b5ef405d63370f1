//! The first operator, and shops. The node must not run meanwhile: these open its files.

use super::{InitArgs, TenantArgs, block_on, say, settings};
use anyhow::Context;
use gearify_commerce::intent::{Intent, StaffIntent};
use gearify_commerce::locale::{Country, Locale};
use gearify_commerce::tenants::{
    Branding, Colour, Command, FontFamily, Host, PaymentMethod, Profile, Settings as ShopSettings, TimeZone,
};
use gearify_commerce::text::{Name, Slug};
use gearify_commerce::{Code, Currency, Reply, Site, StaffId, TenantId, Vault, ids};
use gearify_config::Settings;
use gearify_node::backend::{NodeBackend, now};
use gearify_node::runtime;
use gearify_node::writer::Writer;
use gearify_web::console::{setup_path, setup_token_hash};
use std::process::ExitCode;

pub fn init(arguments: &InitArgs) -> anyhow::Result<ExitCode> {
    let settings = settings(&arguments.config)?;
    let token = fresh_token();
    let request = |vault: &dyn Vault| StaffIntent::Add {
        email: arguments.email.clone(),
        name: arguments.name.clone(),
        role: "operator".into(),
        password_hash: None,
        setup_token_hash: Some(setup_token_hash(vault, TenantId::PLATFORM, &token)),
    };
    let operator = with_node(&settings, async |backend| {
        let writer = Writer::new(backend, TenantId::PLATFORM, Site::NONE);
        let vault: &dyn Vault = gearify_web::ports::Backend::vault(backend);
        let added = writer.again("init", Intent::Staff(request(vault))).await;
        member(added.context("the operator was not made")?)
    })?;
    let host = settings.hosts.operator_host.as_str();
    say(&format!(
        "The first operator is made. Start the node, then set a password at\n{}",
        link(&settings, host, operator, &token)
    ))
}

pub fn create(arguments: &TenantArgs) -> anyhow::Result<ExitCode> {
    let settings = settings(&arguments.config)?;
    let command = create_command(
        arguments,
        arguments.region.as_deref().unwrap_or(settings.node.region.as_str()),
        settings.payments.test.enabled,
    )?;
    let host = command_host(&command).to_owned();
    let token = fresh_token();
    let tenant = TenantId::from_bits(ids::uuid_v7(now(), rand::random()));
    let owner = with_node(&settings, async |backend| {
        let writer = Writer::new(backend, tenant, Site::NONE);
        make(&writer, command).await.context("the shop was not made")?;
        let vault: &dyn Vault = gearify_web::ports::Backend::vault(backend);
        let owner = StaffIntent::Add {
            email: arguments.owner_email.clone(),
            name: arguments.owner_name.clone(),
            role: "owner".into(),
            password_hash: None,
            setup_token_hash: Some(setup_token_hash(vault, tenant, &token)),
        };
        member(writer.again("owner", Intent::Staff(owner)).await.context("the owner was not made")?)
    })?;
    say(&format!(
        "The shop {} is made. Start the node; its owner sets a password at\n{}",
        arguments.slug,
        link(&settings, &host, owner, &token)
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
fn with_node<T>(
    settings: &Settings,
    work: impl AsyncFnOnce(&NodeBackend) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
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

/// Who was added.
fn member(added: Reply) -> anyhow::Result<StaffId> {
    Ok(StaffId::from_bits(added.id.context("adding a member of staff named nobody")?))
}

fn link(settings: &Settings, host: &str, staff: StaffId, token: &str) -> String {
    let listen = &settings.listen;
    let own_tls = listen.tls.certificate.is_some();
    let scheme = if own_tls || listen.behind_tls_proxy { "https" } else { "http" };
    let port = match listen.public.port() {
        // A proxy answers where everybody expects it.
        _ if listen.behind_tls_proxy => String::new(),
        443 if own_tls => String::new(),
        80 if !own_tls => String::new(),
        port => format!(":{port}"),
    };
    format!("{scheme}://{host}{port}{}", setup_path(staff, token))
}
