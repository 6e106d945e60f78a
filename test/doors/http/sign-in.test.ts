import { expect, test } from 'vitest';
import { newPlaces } from '../../../src/doors/http/in-time.ts';
import { signInWarning } from '../../../src/doors/http/sign-in.ts';

test('that sign-in is on is believed, and doubted where nothing else of the platform says so', () => {
  expect(signInWarning({})).toBeUndefined();
  expect(signInWarning({ WEBSITE_AUTH_ENABLED: 'False' })).toBeUndefined();
  expect(signInWarning({ WEBSITE_AUTH_ENABLED: 'true' })).toMatch(/nothing else says.*remove it/);
  const inAzure = { WEBSITE_AUTH_ENABLED: 'True', WEBSITE_SITE_NAME: 'retention' };
  expect(signInWarning(inAzure)).toMatch(/none of WEBSITE_AUTH_V2_CONFIG_JSON.*remove it/);
  expect(signInWarning({ ...inAzure, WEBSITE_AUTH_V2_CONFIG_JSON: '{}' })).toBeUndefined();
});

test('a place is taken at once, and given back once', () => {
  const places = newPlaces(2);
  const first = places.take();
  expect(places.take()).toBeDefined();
  expect(places.take()).toBeUndefined();
  first?.();
  first?.();
  expect(places.take()).toBeDefined();
  expect(places.take()).toBeUndefined();
});
