// The live connection: reconnects by itself, says what was dropped, batches frames per repaint.

export class Live {
  constructor(onRecords, onEvent, onState) {
    this.onRecords = onRecords;
    this.onEvent = onEvent;
    this.onState = onState;
    this.waiting = [];
    this.delay = 500;
    this.filters = {};
    this.connect();
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new WebSocket(`${scheme}//${location.host}/ws`);
    this.socket.addEventListener("open", () => {
      this.delay = 500;
      this.send();
      this.onState(true);
    });
    this.socket.addEventListener("message", (message) => this.take(JSON.parse(message.data)));
    this.socket.addEventListener("close", () => {
      this.onState(false);
      setTimeout(() => this.connect(), this.delay);
      this.delay = Math.min(this.delay * 2, 15000);
    });
  }

  take({ topic, payload }) {
    if (topic !== "new_logs") {
      this.onEvent(topic, payload);
      return;
    }
    this.waiting.push(payload);
    if (this.waiting.length > 400) this.waiting.splice(0, this.waiting.length - 400);
    if (this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.onRecords(this.waiting.splice(0));
    }, 120);
  }

  subscribe(filters) {
    this.filters = filters;
    this.waiting = [];
    this.send();
  }

  send() {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    const wanted = { subscribe: ["new_logs", "anomalies"], rate: 300, ...this.filters };
    this.socket.send(JSON.stringify(wanted));
  }
}
