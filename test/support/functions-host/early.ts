import { dotnet, startBuilding } from './build.ts';

/** Before the tests of the deployment: what takes NuGet and the compiler minutes the first time is begun while others run. */
export function setup(): void {
  if (dotnet) startBuilding();
}
