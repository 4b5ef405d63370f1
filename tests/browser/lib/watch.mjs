// What no page may do, whoever looks at it.

/** Follows every page of a context and answers the list of troubles, which grows as they happen. */
export async function watch(context, place) {
  const troubles = [];
  const home = new URL(place.url).host;

  // The policy tells its breaches to the page; the page tells them to us by the console.
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`content policy: ${event.violatedDirective} refuses ${event.blockedURI}`);
    });
  });

  context.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith('http') && url.host !== home) {
      troubles.push(`${request.resourceType()} from another host: ${request.url()}`);
    }
  });

  context.on('response', (response) => {
    const request = response.request();
    const refused = response.status() >= 400 && request.resourceType() !== 'document' && !isAsked(request);
    if (response.status() >= 500 || refused) troubles.push(`${response.status()} for ${request.method()} ${response.url()}`);
  });

  context.on('requestfailed', (request) => {
    // A page that is left drops what it was still loading.
    const reason = request.failure()?.errorText ?? '';
    if (reason !== 'net::ERR_ABORTED') troubles.push(`${reason} for ${request.url()}`);
  });

  context.on('page', (page) => {
    page.on('pageerror', (error) => troubles.push(`script error at ${page.url()}: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() !== 'error' || isOwnRefusal(message)) return;
      troubles.push(`console at ${page.url()}: ${message.text()}`);
    });
  });
  return troubles;
}

/** A form sent by script is answered with a refusal as a page would be: that is an answer, not a fault. */
function isAsked(request) {
  return request.method() === 'POST' && request.resourceType() === 'fetch';
}

/** Chromium reports every answer of 400 and more as an error; a refused form and a page not found are none. */
function isOwnRefusal(message) {
  return /^Failed to load resource: the server responded with a status of 4\d\d/.test(message.text());
}
