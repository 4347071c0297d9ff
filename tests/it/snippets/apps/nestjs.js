require('reflect-metadata');
const { Controller, Get, Module, Put } = require('@nestjs/common');
const { NestFactory } = require('@nestjs/core');
const { corsOptions } = require('./cors.options');

class Data {
  read() {
    return { ok: true };
  }
  write() {
    return { ok: true };
  }
  boom() {
    throw new Error('boom');
  }
}
// What the decorators of TypeScript would do.
const route = (decorator, name) =>
  decorator(Data.prototype, name, Object.getOwnPropertyDescriptor(Data.prototype, name));
route(Get('data'), 'read');
route(Put('data'), 'write');
route(Get('boom'), 'boom');
Controller()(Data);

class App {}
Module({ controllers: [Data] })(App);

NestFactory.create(App, { logger: false }).then((app) => {
  app.enableCors(corsOptions);
  return app.listen(process.env.PORT, '127.0.0.1');
});
