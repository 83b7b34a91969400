# ruff: noqa: E501
"""The text that the default classifier learns from: written for this project, no logs of others.

A category is a list of sentences and a small grammar (things x events). Braces are filled at
random by train_classifier.py; a bar separates choices: "(slow|long)".
"""

SECURITY = """
(failed|invalid|wrong) (password|login|credentials|passphrase) for (user|account|invalid user) {user} from {ip}
authentication (failure|failed|error|rejected) for {user} (from {ip}|on {service}|via {service})
(accepted|rejected) (password|publickey|key) for {user} from {ip} port {n} ssh2
invalid user {user} from {ip}
user {user} locked (out|) after {n} failed (attempts|logins)
account {user} (locked|disabled|suspended|blocked) (after|because of) (brute force|too many failed attempts|suspicious activity)
too many authentication failures for {user} (preauth|)
brute force (attack|attempt) (detected|suspected|blocked) (from|by) {ip}
possible (break-in attempt|intrusion|attack|scan|exploit) (from|by) {ip}
port scan detected from {ip}, {n} ports probed
(access|permission|request) denied (for|to) {user}: (missing|insufficient) (permission|privileges|role|scope) {word}
permission denied (publickey|password|keyboard-interactive)
forbidden: {user} (has no|lacks) (access|rights|permission) to {path}
unauthorized (access|request|attempt) to {path} (from {ip}|by {user}|)
(privilege|privileges) (escalation|escalated|raised) (by|for) {user}
sudo: {user} : command not allowed ; tty={word} ; user=root ; command={path}
sudo session opened for user root by {user}
session (opened|closed) for user {user} by (uid=0|root|)
new (login|sign-in) for {user} from (unknown|new|unusual) (device|location|country)
(multi-factor|two-factor|mfa|otp) (challenge|code|token) (failed|rejected|expired|sent) for {user}
password (changed|reset|expired|policy violated) for (user|account) {user}
(api key|api token|access token|refresh token|secret|bearer token) (revoked|expired|leaked|rotated|invalid) for {user}
(jwt|token|session token) (signature|validation|verification) (failed|invalid|mismatch)
csrf token (missing|mismatch|invalid) (in request|) from {ip}
(sql injection|xss|cross-site scripting|path traversal|command injection|remote code execution) (attempt|payload|pattern) (blocked|detected|found) (in parameter {word}|from {ip}|)
(waf|firewall|ids|ips|modsecurity) rule {n} (blocked|dropped|rejected|matched) (request|packet|traffic|connection) from {ip}
firewall: (drop|deny|reject|block) (in|out)=eth0 src={ip} dst={ip} proto=tcp dpt={n}
iptables denied (in|out)=eth0 src={ip} dst={ip} proto=udp
(tls|ssl) handshake (failed|error|failure): (certificate|unknown ca|bad certificate|protocol version|cipher)
certificate (for|of) {host} (expired|has expired|expires in {n} days|revoked|is not trusted|not yet valid|renewed)
(x509|certificate): (certificate signed by unknown authority|hostname mismatch|self signed certificate in chain)
(malware|virus|trojan|ransomware|rootkit|worm|backdoor) (detected|found|quarantined|removed) in {path}
suspicious (activity|login|process|file|traffic|request|command) (detected|observed|reported) (on {host}|by {user}|from {ip})
vulnerability CVE-{year}-{n} (found|detected|reported|patched|exploited) in (package|library|image) {word}
audit: {user} (changed|modified|granted|revoked) (role|permission|policy|group|acl) (of|for|on) {user}
user {user} added to (group|role) (admin|administrators|sudo|wheel|root)
(selinux|apparmor): (denied|avc denied) {word} for pid={n} comm={word} path={path}
integrity (check|violation|mismatch) (failed|detected) (for|on) {path}: (checksum|hash) changed
(denial of service|ddos|flood|syn flood) (attack|) (detected|mitigated|suspected) from {ip}
ip {ip} (banned|blocked|blacklisted|blocklisted|added to denylist) (for {n} seconds|after {n} offences|)
fail2ban: ban {ip}
(unknown|untrusted|rogue) (device|host|client|certificate|key) {word} (rejected|refused|connected)
(encryption|decryption) (key|failed|error) (rotated|missing|for {path}|)
data (exfiltration|leak|breach) (suspected|detected|reported): {n} records by {user}
honeypot (hit|triggered) by {ip}
phishing (mail|message|link|url) (reported|blocked|quarantined) by {user}
ldap bind failed for {user}: invalid credentials
kerberos (ticket|authentication|preauthentication) (failed|expired|rejected) for {user}
saml (assertion|response) (invalid|rejected|expired) from {host}
oauth (grant|client|redirect uri|scope) (invalid|denied|mismatch) for {word}
check pass; user unknown
pam_unix: authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={ip} user={user}
did not receive identification string from {ip}
reverse mapping checking getaddrinfo for {host} failed - possible break-in attempt
(captcha|bot|crawler|scraper) (failed|blocked|challenge) for {ip}
rate limit for login exceeded by {ip}: credential stuffing suspected
file upload {word} rejected: (executable|disallowed type|malicious content)
root login (refused|on tty1|from {ip})
directory index forbidden by rule: {path}
client denied by server configuration: {path}
"""

PERFORMANCE = """
(slow|long running) (query|statement|transaction|request|call) (took|ran for|needed) {n} ms
(query|statement|request|call|job) (exceeded|is above) (threshold|limit|budget) of {n} ms: (took|ran) {n} ms
(request|call|upstream|query|connection|read|write|operation) (timed out|timeout) after {n} (ms|s|seconds)
(timeout|deadline|deadline exceeded) (waiting for|while calling|on) (connection|response|lock|upstream|{service})
upstream (request|server|{service}) (timed out|timeout|too slow|responded after {n} ms)
gateway timeout from {service} after {n} ms
(high|excessive|rising|critical) (latency|response time|cpu|memory|load|disk|io wait|network) (usage|utilisation|) (on {host}|of {service}|): {n} (%|ms|percent)
(cpu|memory|disk|heap|swap|inode|bandwidth) (usage|utilisation|utilization|load) (at|is|reached|above) {n} (%|percent) (on {host}|)
load average {n}.{n} (is|) above (limit|threshold) on {host}
out of memory: (kill|killed) process {n} ({word})
(out of memory|oom killer|outofmemoryerror): (java heap space|cannot allocate|container killed|invoked)
(memory|heap) (leak|pressure|exhausted|limit) (suspected|detected|reached|exceeded) in {service}
(gc|garbage collection|full gc|young gc|major gc) (pause|took|time|cycle) {n} ms (heap {n}M -> {n}M|)
(gc overhead|allocation) (limit exceeded|failure|stall {n} ms)
(connection|thread|worker|object|session) pool (exhausted|full|saturated|starved): {n} of {n} in use
(waited|waiting) {n} ms for (a connection|a thread|a lock|a worker|the pool)
(no|not enough) (idle|free|available) (connections|threads|workers) in pool
(queue|backlog|mailbox|buffer) (depth|length|size|lag) (is|reached|above|grew to) {n}
(consumer|replication|replica|stream) lag (is|of|reached|above) {n} (messages|ms|seconds|bytes)
(lock wait|deadlock|lock contention|latch) (timeout|detected|{n} ms) (on|in) (table|row|index) {word}
(throughput|request rate|rps|tps) (dropped|fell|rose|peaked) (to|at) {n} (per second|)
(p95|p99|median|average|mean) (latency|response time) (is|at|rose to|of {service}:) {n} ms
(cache|buffer) (hit ratio|miss rate|hit rate|evictions|eviction rate) (is|dropped to|rose to|at) {n} (%|)
(rate limit|throttle|throttling|backpressure) (applied|active|engaged|reached) (for {service}|on {path}|)
(throttled|slowed down) {n} requests (of {service}|on {path}|)
circuit breaker (opened|half-open|closed) for {service}: (error rate|slow call rate|timeouts) {n} %
(disk|io|i/o|fsync|write|read) (latency|wait|stall|slow): {n} ms (on {path}|)
(checkpoint|compaction|vacuum|flush|index build|rebalance) (took|needed|slow|is slow): {n} ms
(full table scan|sequential scan|missing index) on {word}, {n} rows (examined|scanned)
(autoscaler|hpa|scaling): (scaled|scaling) {service} (up|down|out|in) (from {n}|) to {n} (replicas|instances) (cpu|because of load|)
(event loop|main thread|ui thread) (blocked|lag|stalled) for {n} ms
(thread|worker) {word} (stuck|hung|blocked|starved) for {n} (ms|s|seconds)
(packet loss|retransmits|jitter|round trip time|rtt) (of|is|at|rose to) {n} (%|ms)
slow (consumer|client|subscriber|disk|response|start|network) (detected|disconnected|{word})
(batch|job|task|import|export) (running late|behind schedule|took longer than expected|slower than usual) ({n} min|by {n} s|)
(response|request) time of {path} (degraded|is degraded|above slo|violates slo): {n} ms
(slo|sla|error budget) (violated|burn rate|at risk|breached) for {service}
(file descriptors|sockets|handles|ports) (exhausted|running out|nearly used up): {n} of {n}
(benchmark|profiler|profile|timing): {word} {n} ms, {n} calls
(buffer|cache|memory) (pressure|eviction|reclaim|thrashing) on {host}
(cold start|startup|warm-up|warmup) took {n} ms
(render|page load|first byte|dom ready) took {n} ms
(request|{method} {path}) completed in {n} ms (slow|very slow|exceeds target)
retry budget exhausted for {service}: (latency|overload)
(overload|overloaded|saturation|saturated): shedding {n} (requests|%)
(swap|paging|page faults|context switches) (rate|usage|) (high|rising|{n} per second)
cpu throttled for {n} ms in container {word}
(node|host|pod) {host} under (memory|disk|cpu) pressure
clock (skew|drift) of {n} ms (slows|delays) {service}
disk {path} (nearly full|almost full|is {n} % full)
"""

BUSINESS = """
order {id} (placed|created|confirmed|cancelled|completed|submitted|refunded|paid|updated) (by customer {n}|for {money}|)
(new|) order (received|accepted|rejected) (from customer {n}|with {n} items|, total {money})
payment (of {money}|{id}) (captured|authorised|authorized|declined|failed|received|refunded|settled|completed|succeeded) (for order {id}|for invoice {id}|by card|)
(card|credit card|bank transfer|direct debit|paypal) (payment|charge) (declined|accepted|failed|of {money} booked)
invoice {id} (created|sent|issued|paid|overdue|cancelled|generated|emailed) (for customer {n}|, amount {money}|)
(refund|credit note|chargeback|reimbursement) (of {money}|{id}) (issued|requested|approved|booked|opened) (for order {id}|)
(shipment|parcel|package|delivery) {id} (handed over to|picked up by) (carrier|courier|warehouse|logistics)
(shipment|parcel|package|delivery) {id} (dispatched|delivered|delayed|shipped|returned|in transit|lost)
(customer|shopper|buyer|guest) {n} (added|removed|put) {n} (items|item|product|article) (to|from|into) (cart|basket|wishlist)
(cart|basket|shopping cart) {id} (abandoned|checked out|updated|merged|emptied|converted)
checkout (started|completed|abandoned|failed|finished) (by customer {n}|for cart {id}|, total {money})
(new user|new customer|customer|account|member) (signed up|registered|sign-up completed|onboarded) (with plan {plan}|via (newsletter|referral|campaign)|)
user {user} (signed up|registered|subscribed|upgraded|downgraded|unsubscribed|cancelled subscription) (to plan {plan}|for plan {plan}|)
(subscription|plan|membership|contract|trial) {id} (renewed|started|cancelled|expired|upgraded|activated|extended) (for customer {n}|)
(coupon|voucher|discount|promo|gift card|promotion) (code|) {word} (applied|redeemed|expired|rejected) (to order {id}|by customer {n}|)
(price|tax|vat|discount|shipping cost) (of|for) (product|item|sku|order) {id} (changed|calculated|updated) (to|as|at) {money}
(stock|inventory) (of|for) (product|sku|item|article) {id} (is low|low|updated|replenished|reserved|sold out|adjusted) (: {n} left|to {n}|)
product {id} (out of stock|back in stock|published|listed|viewed|discontinued|rated {n} stars)
(quote|offer|proposal|lead|opportunity|deal) {id} (created|sent|accepted|won|lost|rejected|qualified) (by sales|for customer {n}|)
(customer|client) {n} (profile|address|e-mail|details|preferences) (updated|changed|verified)
(ticket|case|complaint|support request) {id} (opened|closed|escalated|assigned) (by customer {n}|to agent {n}|)
(booking|reservation|appointment) {id} (confirmed|cancelled|created|changed|no-show) (for {n} guests|for customer {n}|)
(revenue|turnover|sales|conversion|conversion rate) (today|this hour|report|per region|of campaign {word}) (is|at|:) {money}
(newsletter|campaign|mailing) {word} (sent|delivered|scheduled) to {n} (recipients|customers|subscribers)
(payout|settlement|transfer|disbursement) (of {money}|{id}) (to merchant {n}|to vendor {n}|to seller) (initiated|completed|booked|rejected)
(purchase order|purchase|procurement) {id} (approved|placed|received|rejected) (by supplier {n}|by vendor {n}|)
(loyalty|bonus|reward) points (earned|redeemed|credited|expired): {n} for customer {n}
(wallet|account balance|balance|deposit|withdrawal) (of customer {n}|of {money}|{id}) (credited|debited|topped up|updated)
(billing|invoicing|dunning) (run|cycle|job) (completed|started|finished) : {n} invoices, {money}
(dunning letter|payment reminder|reminder) (sent|issued) (to customer {n}|for invoice {id})
(return|exchange|rma) {id} (requested|approved|received|processed) (for order {id}|by customer {n})
(merchant|vendor|seller|supplier|partner) {n} (onboarded|approved|registered|paid|suspended for review)
(feature|plan|tier) {plan} (purchased|activated|ordered|selected) by customer {n}
(review|rating|feedback) (submitted|published|received) (for product {id}|by customer {n})
(loan|policy|claim|application) {id} (approved|submitted|rejected|signed|underwritten)
(exchange rate|currency conversion) eur usd (updated|applied) to order {id}
(warehouse|fulfilment|fulfillment|picking) (job|order|list) {id} (picked|packed|completed|started|assigned)
(sales report|revenue report|financial report|kpi report|daily report) (generated|sent|ready) for (region|quarter|month) {n}
(user|customer|visitor) {n} (viewed|clicked|searched|purchased|bought|compared) (product|offer|category|banner|item) {id}
donation of {money} received from {user}
gift card {id} (issued|redeemed|activated) for {money}
(tax|vat) (report|return|rate) (filed|updated|calculated) for (country|region|quarter) {n}
(trip|ride|fare|delivery order) {id} (requested|accepted|completed|cancelled), fare {money}
(license|licence|seat|seats) (purchased|assigned|renewed|expired) for (company|customer|tenant) {n}
"""

GENERAL = """
(server|service|application|process|daemon|worker|{service}) (started|starting|stopped|stopping|restarted|ready|initialised|initialized) (on port {n}|in {n} ms|with pid {n}|)
listening on (port {n}|{ip}:{n}|socket {path})
(configuration|config|settings) (loaded|reloaded|read|updated|changed|written) (from {path}|)
(shutting down|shutdown complete|graceful shutdown|exiting|bye) (with code {n}|on signal {n}|)
(received|caught) signal {word}, (shutting down|reloading|ignoring)
heartbeat (ok|sent|received|missed) (from {host}|to {host}|)
health check (passed|ok|failed|of {service}) (in {n} ms|)
(connected|connecting|reconnected|disconnected) (to|from) (database|broker|{service}|{host}) (at {ip}:{n}|)
connection (to {host}|from {ip}) (established|closed|accepted|opened|lost|reset by peer|refused)
(job|task|cron job|scheduled task) {word} (started|finished|completed|skipped|scheduled|queued|done)
(file|directory|object) {path} (created|deleted|opened|closed|not found|moved|copied|uploaded)
(could not|cannot|unable to|failed to) (open|read|write|find|parse|load|create) (file|directory|config|{path})
(version|release|build) {n}.{n}.{n} (deployed|started|installed|rolled back) (on {host}|)
(module|plugin|driver|extension|component) {word} (loaded|registered|initialised|unloaded|enabled)
(received|sent|processed|handled|routed) (message|event|packet|request|response) {id} (from {host}|to {service}|)
{method} {path} {status} {n}
(request|response) {id} (received|completed|handled|finished) (with status {status}|)
(node|member|peer|replica) {host} (joined|left) (the cluster|the group|)
leader (elected|election started|changed|is {host})
(snapshot|backup|checkpoint) {id} (started|finished|written|restored|created|saved)
(debug|trace): entering (function|method|state) {word}
(state|status) (changed|transition) from {word} to {word}
(retrying|retry) (attempt|) {n} of {n} (for {service}|)
(null pointer|illegal argument|index out of bounds|assertion) (exception|error|failed) (in|at) {word}
(exception|error|traceback|stack trace) in (thread|module|handler) {word}
(unhandled|unexpected) (exception|error|state|value|response) (in|from) {service}
(cleaned|cleaning|cleanup|purged|rotated|archived) (up|) {n} (files|entries|log files|temporary files)
log (rotated|level changed to debug|file opened)
(database|schema) migration {n} (applied|started|finished|skipped)
(usb|pci|network|block) device {word} (attached|detached|found|registered)
(interface|link) eth0 (up|down|changed)
kernel: {word} {word} {n}
(mounted|unmounted|mounting) filesystem {path}
(dns|dhcp|ntp) (lookup|lease|sync|request|reply) (for {host}|{ip}|ok)
(block|task|attempt|container|partition) {id} (assigned|received|registered|allocated|finished|replicated) (to {host}|on {host}|)
(topic|queue|channel|stream) {word} (created|deleted|subscribed|declared|bound)
(container|pod|image) {word} (created|started|pulled|scheduled|removed|stopped)
(email|sms|notification|webhook) (sent|queued|delivered|failed) to {host}
(cache|index|table) {word} (created|initialised|cleared|loaded|refreshed)
(feature flag|flag|option) {word} (enabled|disabled|set to true|set to false)
(hardware|fan|temperature|voltage|sensor) (ok|status|event|reading) {n}
(parity|ecc|memory) error (corrected|detected) (at|on) (address|bank|rank) {n}
(invalid|malformed|unknown|unsupported) (input|message|argument|format|option|header|line) {word}
(hello|test|ping|pong|ok|done|start|end|info|noop)
(registered|unregistered|registering) (handler|signal handler|listener|service|client|endpoint) {word}
(waiting|polling|watching|listening) for (events|messages|connections|changes|{service})
(sync|synchronisation|synchronization|replication) (started|finished|completed|in progress) (with {host}|)
(process|worker|thread|child) {n} (exited|spawned|started|terminated|forked) (with code {n}|)
time (zone|synchronised|set|server) {word}
(no|nothing) (new|) (changes|updates|data|messages|work) (found|to do|available)
(language|locale|theme|layout) (set to|changed to) {word}
(screen|window|view|activity) {word} (shown|hidden|opened|closed|resumed|paused)
(battery|power|bluetooth|wifi|display) (state|status|event|on|off) {word}
"""

# Words that speak for a category by themselves; train_classifier.py puts a few of them between
# neutral words, so that wording no sentence above has is covered too.
KEYWORDS = {
    "Security": """
    attack attacker auth authenticate authenticated authentication authenticator authorisation
    authorization authorize authorized backdoor ban banned blacklist blocklist breach break-in
    bruteforce certificate certificates cipher ciphertext clearance compromised confidential
    credential credentials cross-site csrf cve decrypt decryption denied deny denylist dmz
    encrypt encrypted encryption escalation exfiltration exploit firewall forbidden forged fraud
    handshake hacker hijack honeypot hostile identity impersonation impostor injection intruder
    intrusion invalid-user iptables kerberos keytab keystore ldap leaked lockout login logins logon
    malicious malware mfa mitm nonce oauth oidc otp pam passphrase passwd password passwords
    permission permissions phishing pki policy-violation preauth privilege privileged privileges
    publickey quarantine quarantined ransomware replay revoked rootkit saml sandbox scan scanner
    secret secrets security selinux signature sniffing spoof spoofed spoofing ssh sshd ssl sso su
    sudo suspicious tampered tampering threat tls token trojan unauthenticated unauthorised
    unauthorized untrusted violation virus vpn vulnerability vulnerable waf x509 xss
    """,
    "Performance": """
    allocation autoscale autoscaler average backlog backpressure bandwidth benchmark blocked
    bottleneck burst capacity concurrency congested congestion contention cpu deadline deadlock
    degraded degradation delay delayed delays duration elapsed evicted eviction exceeded exhausted
    exhaustion fragmentation full-gc gc hang hanging heap hung iops jitter lag lagging latency leak
    leaking load max memory millis milliseconds oom outofmemory overflow overload overloaded p50
    p95 p99 pagefault paging pause percentile percent performance pool pressure profiling queue
    queued quota ratio resource rps rss saturated saturation scaling scaled shedding slo slow
    slowdown slower slowness sluggish spike stall stalled starvation starved stuck swap swapping
    thrashing threshold throttle throttled throttling throughput timeout timeouts tps usage
    utilisation utilization waited waiting warmup watermark
    """,
    "Business": """
    abandoned account-balance agreement amount appointment article auction balance bank basket
    billed billing bonus booking brand buyer campaign cancellation card carrier cart catalogue
    charge chargeback checkout claim client commission company contract conversion coupon courier
    credit credited currency customer customers debit delivered delivery deposit discount dispatch
    dispatched donation employee eur expense export-sales fare fee fulfilment fulfillment gift
    guest hotel inventory invoice invoices item items lead lease ledger licence loan loyalty
    mandate marketplace membership merchant merchandise newsletter offer onboarding order ordered
    orders parcel partner payable payment payments payout payroll policyholder premium price
    pricing procurement product products profit promo promotion purchase purchased quote rebate
    receipt redeemed referral refund refunded registration rental reservation retail return
    revenue salary sale sales sepa seller shipment shipped shipping shop shopper shopping sku
    stock store subscriber subscription supplier tax taxes ticket trade transaction transfer trial
    upgrade upsell usd user-signup vat vendor voucher wallet warehouse wishlist
    """,
    "General": """
    aborted accept accepted acknowledged active adapter address agent api app application args
    array attach attempt available backup begin binary bind block boot bound broker broadcast
    browser buffer build bundle bus byte bytes cache call callback cancel change changed channel
    check child class clean cleanup client clock close closed cluster code command commit compile
    complete completed component config configuration connect connected connecting connection
    console container content context controller copied copy core create created cron daemon
    data database date debug default delete deleted dependency deploy deployed destination detach
    device dir directory disable disabled disconnect disconnected disk dispatcher dns document
    domain done download driver dump email empty enable enabled encoding end endpoint engine
    enter entry environment error event events exception execute executed executor exist exit
    expected export fail failed failure fallback fetch field file filesystem filter find finish
    finished flag flush folder fork format found frame function gateway generate got handle handler
    hardware header heartbeat hello hook host http icon id idle ignore ignored image import
    index info init initialize initialized input insert install installed instance interface
    internal interrupt invalid invoke job join journal kernel key kill label layout leader lease
    length library line link linked list listen listener listening load loaded loader local
    locale log logger main manager map mapping marker master merge message metadata method
    migration missing mode model module monitor mount mounted move name namespace network new node
    none not notification notify null number object offset ok open opened operation option
    output package packet page param parent parse parsed partition path peer phase ping pipeline
    pipe plugin pod poll port post prepare printer process processed processing processor profile
    progress property protocol provider proxy publish pull push put query queue read reader ready
    reason rebuild receive received reconnect record recovery redirect refresh refused register
    registered registry release reload remote remove removed rename render replace replica reply
    report request reset resolve resource response restart restored result resume retry return
    rollback root route router run running save saved schedule scheduled scheduler schema screen
    script section segment select send sensor sent sequence server service session set setting
    setup shard shell shutdown signal size skip skipped sleep snapshot socket source spawn stack
    stage start started starting startup state status step stop stopped stopping storage stream
    string subscribe success successful successfully switch sync synchronized system table tag
    target task temperature template temporary terminate test text thread time timer topic trace
    trigger type unable undefined unexpected unit unknown unload unmount unregistered unsupported
    update updated upload url usb user using util uuid valid validate value variable verify version
    view volume wait warning watch web window work worker write writer written xml yaml zone
    """,
}
